import { Lifecycle } from '../../../src/lifecycle.ts';
import { LogSink } from '../../../src/telemetry/log-sink.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';

/**
 * Logs far more than a pipe holds while a clock of its own ticks, and says on standard error what it did: its number when
 * all lines were given to the log, its report at the end. The argument is how many lines.
 */
const lines = Number(process.argv[2]);
const sink = new LogSink();
const log = createLogger({ level: 'info', instance: 'test' }, sink);
let ticks = 0;
let lostLines = 0;
sink.onLost = (lines) => {
  lostLines += lines;
};
setInterval(() => {
  ticks += 1;
}, 10);

process.on('exit', () => {
  const rssBytes = process.memoryUsage().rss;
  process.stderr.write(`${JSON.stringify({ ticks, rssBytes, lostLines })}\n`);
});

const padding = 'x'.repeat(1_000);
let logged = 0;
function logSome(): void {
  for (let some = 0; some < 200 && logged < lines; some += 1) log.info({ line: logged++, padding }, 'line');
  if (logged < lines) setTimeout(logSome, 1);
  else process.stderr.write(`logged by ${process.pid}\n`);
}

void new Lifecycle({ graceMs: 3_000, log })
  .runUntilSignal([{ name: 'nothing', start: async () => undefined, stop: async () => undefined }])
  .then(logSome);
