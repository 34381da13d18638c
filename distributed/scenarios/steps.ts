/** Steps that several scenarios have in common. */
import type { Stage } from '../engine/stage.ts';
import type { LoadOptions } from '../generator/load-options.ts';
import { planLoad } from '../generator/plan.ts';
import type { SendableLoad } from '../generator/sendable.ts';
import type { RaceName } from '../judge/races/count-races.ts';

const DRAIN_MS_MAX = 30_000;
/** Counted while it runs, a race is counted roughly. */
const MARGIN = 1.2;

/** Workers up, one load as fast as Kafka takes it, everything at rest. */
export async function sendAndSettle(stage: Stage, load: SendableLoad): Promise<void> {
  await stage.startWorkers();
  stage.beginLoad();
  await stage.send(load);
  await stage.quiesce();
}

/** Timestamps in the messages are of today. */
export function loadNow(options: LoadOptions) {
  return planLoad({ ...options, startAtMs: Date.now() });
}

/** Sends one load after the other until the races were seen often enough, at most `sendsMax` times. */
export async function sendUntilRaced(
  stage: Stage,
  options: {
    readonly loadOf: (send: number) => SendableLoad;
    readonly sendsMax: number;
    readonly races: Readonly<Partial<Record<RaceName, number>>>;
  },
): Promise<void> {
  await stage.startWorkers();
  stage.beginLoad();
  for (let send = 0; send < options.sendsMax; send++) {
    await stage.send(options.loadOf(send));
    await stage.untilDrained(DRAIN_MS_MAX);
    const isEnough = (await stage.busyBatchesSoFar()) >= MARGIN * (options.races.busyBatches ?? 0);
    if (send > 0) stage.findings.number('loads sent', send + 1);
    if (isEnough) break;
  }
  await stage.quiesce();
}
