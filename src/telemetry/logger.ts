/**
 * One JSON object per line on standard output, without secrets; on a terminal, lines for people. Messages are constant; values go into fields.
 * `instance` is on every line. Lines come out in order, the last ones of a process as well, and a log that cannot be
 * written holds up nobody (see `log-sink.ts`).
 */
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { AppError, describeError, type ErrorCode } from '../errors.ts';
import { LogSink } from './log-sink.ts';
import { terminalLine } from './terminal-line.ts';

/** Never printed, wherever they occur in a logged object or in one or two objects within it. */
const SECRET_NAMES = [
  'password',
  'secret',
  'token',
  'authorization',
  'cookie',
  'databaseUrl',
  'redisUrl',
  'kafkaSaslPassword',
  'connectionString',
];
/** Where an error of PostgreSQL quotes rows and parameters: file names and whatever else people wrote. */
const QUOTING_NAMES = ['detail', 'where', 'internalQuery', 'parameters'];
const REDACTED_PATHS = [
  ...SECRET_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
  '*["set-cookie"]',
  '*.*["set-cookie"]',
  ...QUOTING_NAMES.map((name) => `err.${name}`),
];
/** `postgres://user:secret@host`: name and password, in whatever text the address is quoted. */
const CREDENTIALS_IN_URL = /:\/\/[^\s/"]*@/g;
const CENSOR = '[redacted]';

/** What their message says in full: where in the code it was found helps nobody who has to mend it. */
const EXPECTED: ReadonlySet<ErrorCode> = new Set(['CONFIG_INVALID', 'START_CHECK_FAILED', 'UNAVAILABLE', 'STORE_FULL']);

export type Logger = PinoLogger;

export function createLogger(
  options: { level: string; instance: string },
  destination: DestinationStream = new LogSink(),
): Logger {
  const isForPeople = destination instanceof LogSink && destination.isTerminal;
  const log = pino(
    {
      level: options.level,
      base: { instance: options.instance },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errorFields },
      redact: { paths: REDACTED_PATHS, censor: CENSOR },
      // Over the finished line: messages and stacks of libraries quote addresses.
      hooks: {
        streamWrite: (line) => {
          const safe = line.replace(CREDENTIALS_IN_URL, `://${CENSOR}@`);
          return isForPeople ? terminalLine(safe, true) : safe;
        },
      },
    },
    destination,
  );
  if (destination instanceof LogSink) {
    destination.onRecovered = (lostLines) => log.error({ lostLines }, 'log lines were lost');
  }
  return log;
}

/** As pino's own, with each cause said once and no stack where a message says it all. */
function errorFields(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const fields = { ...pino.stdSerializers.err(error), message: describeError(error) };
  const isExpected = error instanceof AppError && EXPECTED.has(error.code);
  return isExpected ? { ...fields, stack: undefined } : fields;
}
