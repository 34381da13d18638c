/** Steps that several scenarios have in common. */
import { INBOUND, OUTBOUND } from '../../src/contract/topics.ts';
import type { Stage } from '../engine/stage.ts';
import type { LoadOptions } from '../generator/load-options.ts';
import { planLoad } from '../generator/plan.ts';
import type { SendableLoad } from '../generator/sendable.ts';
import type { RaceName } from '../judge/races/count-races.ts';
import { layOut } from './topic-layout.ts';

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

/** A limit on how long something took. */
export function gateSeconds(stage: Stage, name: string, measuredMs: number, target: number, source = 'aimed at'): void {
  stage.gate({ name, measured: measuredMs / 1_000, target, comparison: '<=', unit: 's', source });
}

/** Timestamps in the messages are of today. */
export function loadNow(options: LoadOptions) {
  return planLoad({ ...options, startAtMs: Date.now() });
}

/** Topics made anew on the one broker there is, which says when it took a record; see `layOut`. */
export async function stampByBroker(stage: Stage, partitions: number): Promise<void> {
  const { kafka, sandbox } = stage.deps;
  const topics = [...INBOUND, ...OUTBOUND].map((name) => sandbox.topics[name]);
  await layOut(
    kafka,
    topics.map((topic) => ({ topic, partitions, replicas: [1], inSyncMin: 1 })),
  );
}

/** One load after the other for as long as the work takes, so that it never meets a service with nothing to do. */
export async function sendWhile<T>(
  stage: Stage,
  loadOf: (send: number) => SendableLoad,
  work: () => Promise<T>,
): Promise<T> {
  let isOver = false;
  const sending = async () => {
    for (let send = 0; !isOver; send++) await stage.send(loadOf(send));
  };
  const working = work().finally(() => {
    isOver = true;
  });
  const [result] = await Promise.all([working, sending()]);
  return result;
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
