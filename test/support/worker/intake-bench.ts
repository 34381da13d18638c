import { createLogger } from '../../../src/telemetry/logger.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { Intake } from '../../../src/worker/intake/intake.ts';
import type { IntakeDeps, IntakeOptions } from '../../../src/worker/intake/intake-options.ts';
import { ParkedBatches } from '../../../src/worker/settle/parked-batches.ts';
import { MemoryProgressStore } from './memory-progress-store.ts';
import { MemoryRecordSource } from './memory-record-source.ts';
import { ScriptedHandler } from './scripted-handler.ts';

export const silentLog = createLogger({ level: 'silent', instance: 'test' });

const OPTIONS: IntakeOptions = {
  groupSizeMax: 50,
  groupAgeMaxMs: 5,
  groupsInFlightMax: 2,
  bufferedRecordsMax: 10_000,
  bufferedBytesMax: 64 * 1024 * 1024,
  commitIntervalMs: 5,
  retryDelayMinMs: 2,
  retryDelayMaxMs: 20,
  drainDeadlineMs: 1000,
};

/** An intake between a record source in memory and a scripted handler. */
export function intakeBench(
  options: Partial<IntakeOptions> = {},
  given: { source?: MemoryRecordSource; marks?: MemoryProgressStore; handler?: IntakeDeps['handler'] } = {},
) {
  const marks = given.marks ?? new MemoryProgressStore();
  const source = given.source ?? new MemoryRecordSource(marks);
  const handler = new ScriptedHandler();
  const fatal: Error[] = [];
  const metrics = new Metrics();
  const parked = new ParkedBatches({ log: silentLog, metrics });
  const intake = new Intake({
    source,
    handler: given.handler ?? handler,
    poisonMarks: marks,
    parked,
    metrics,
    log: silentLog,
    options: { ...OPTIONS, ...options },
    onFatal: (error) => fatal.push(error),
  });
  return { source, marks, handler, parked, intake, fatal };
}

/** A door that opens once. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
