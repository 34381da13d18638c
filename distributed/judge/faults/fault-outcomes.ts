/**
 * Each fault of a part with three times: until the workers that need what is broken said so, until an alert fired, until
 * work was normal again. Offline, from faults.jsonl, watch.jsonl and the inputs as they lie in Kafka.
 *
 * Work is normal again when in every inbound partition that had something to do the first record that came within a second
 * afterwards is settled, or, where none came, the first that was waiting; and when those that said they were not well say
 * that they are. What cannot be told is not judged, with its reason: a fault that met nothing, one that was over before
 * anybody had to notice, one into whose recovery another fell.
 */
import { TARGETS } from '../../../artefacts/targets.ts';
import type { FaultOutcome, Timing } from '../../run/fault-outcome.ts';
import type { FaultWindow } from '../../run/fault-windows.ts';
import type { HealthStatus } from '../../run/watch-record.ts';
import { type Expectation, expectationOf } from './expectation.ts';
import type { WatchEvidence } from './watch-evidence.ts';

/** A partition to which nothing comes for longer has nothing to do. */
const BUSY_MS = 1_000;
const NOTICED_MS_MAX = TARGETS.noticedSecondsMax * 1_000;

/** When Kafka took the records of a partition, by offset. */
export type Inputs = ReadonlyMap<string, readonly number[]>;

interface Fault extends FaultWindow {
  readonly expected: Expectation;
  /** When the next one began; infinity: none did. */
  readonly nextMs: number;
}

export function faultOutcomes(windows: readonly FaultWindow[], watch: WatchEvidence, inputs: Inputs): FaultOutcome[] {
  const begun = windows.map((window) => ({ ...window, fromMs: brokenAtMs(window) }));
  return begun.map((window) => {
    const later = begun.map(({ fromMs }) => fromMs).filter((fromMs) => fromMs > window.fromMs);
    const expected = expectationOf(window, watch.cast);
    return outcomeOf({ ...window, expected, nextMs: Math.min(...later) }, watch, inputs);
  });
}

/** Later than it was announced, where its evidence says so. */
function brokenAtMs({ fromMs, evidence }: FaultWindow): number {
  const { started } = (evidence ?? {}) as { started?: { atMs?: unknown } | null };
  return typeof started?.atMs === 'number' ? started.atMs : fromMs;
}

function outcomeOf(fault: Fault, watch: WatchEvidence, inputs: Inputs): FaultOutcome {
  const { fromMs, untilMs, target, expected } = fault;
  const from = expected.recoversFrom;
  const sinceMs = from === 'start' ? fromMs : untilMs;
  const said = speakersOf(fault, watch);
  const work = sinceMs === null ? [] : resumed(watch, inputs, sinceMs);
  return {
    fault: fault.fault,
    target,
    fromMs,
    untilMs,
    partitions: work.length,
    noticed: judgeNoticing(fault, watch, said),
    alerted: judgeAlert(fault, watch),
    recovered: { from, ...judgeRecovery(fault, watch, { sinceMs, work, said }) },
  };
}

interface Speaker {
  readonly name: string;
  readonly wasWell: boolean;
  /** Null: not while it lasted. */
  readonly saidAtMs: number | null;
}

const isUnwell = (status: HealthStatus) => status === 'degraded' || status === 'unhealthy';

/** Those who must say so; where nobody has to, whoever did. */
function speakersOf({ expected, fromMs, untilMs }: Fault, watch: WatchEvidence): Speaker[] {
  const speakers = expected.speakers.map((name): Speaker => {
    const saidAtMs = watch.firstSaid(name, fromMs, isUnwell);
    const isMeant = saidAtMs !== null && saidAtMs <= (untilMs ?? Number.POSITIVE_INFINITY);
    return { name, wasWell: watch.statusAt(name, fromMs) === 'healthy', saidAtMs: isMeant ? saidAtMs : null };
  });
  return expected.silence === null ? speakers : speakers.filter((each) => each.wasWell && each.saidAtMs !== null);
}

function judgeNoticing(fault: Fault, watch: WatchEvidence, said: readonly Speaker[]): Timing {
  const { expected, fromMs } = fault;
  const times = said.flatMap(({ saidAtMs }) => (saidAtMs === null ? [] : [saidAtMs - fromMs]));
  const names = said.map(({ name }) => name).join(', ');
  if (expected.silence !== null) {
    const afterMs = times.length === 0 ? null : Math.min(...times);
    return unjudged(`nobody has to: ${expected.silence}${names && `; first of ${names}`}`, afterMs);
  }
  if (watch.watchedUntilMs(fromMs) === null) return unjudged('nobody looked');
  const unwell = said.filter(({ wasWell }) => !wasWell).map(({ name }) => name);
  if (unwell.length > 0) return unjudged(`not well before: ${unwell.join(', ')}`);
  const missing = said.filter(({ saidAtMs }) => saidAtMs === null).map(({ name }) => name);
  if (missing.length === 0) return judged(Math.max(...times), NOTICED_MS_MAX, `last of ${names}`);
  return missedNotice(fault, watch, `not by ${missing.join(', ')}`);
}

/** Unless it could not be noticed in time. */
function missedNotice({ fromMs, untilMs, nextMs }: Fault, watch: WatchEvidence, note: string): Timing {
  const limitMs = fromMs + NOTICED_MS_MAX;
  if (untilMs !== null && untilMs < limitMs) return unjudged(`${note}: over before anybody had to`);
  if (nextMs < limitMs) return unjudged(`${note}: another fault began before anybody had to`);
  const endMs = Math.min(untilMs ?? Number.POSITIVE_INFINITY, watch.watchedUntilMs(fromMs) ?? 0);
  if (endMs < limitMs) return unjudged(`${note}: nobody looked for so long`);
  return missed(endMs - fromMs, NOTICED_MS_MAX, note);
}

/** The first that began to be true while it lasted, and fires. */
function judgeAlert(fault: Fault, watch: WatchEvidence): Timing {
  const { expected, fromMs, untilMs } = fault;
  if (!watch.hasAlerts) return unjudged('no Prometheus in this run');
  const endMs = untilMs ?? Number.POSITIVE_INFINITY;
  const began = watch.alerts.filter(({ activeAtMs }) => activeAtMs >= fromMs && activeAtMs <= endMs);
  const fired = began
    .flatMap(({ alert, activeAtMs, firingAtMs }) => (firingAtMs === null ? [] : [{ alert, activeAtMs, firingAtMs }]))
    .filter(({ firingAtMs }) => firingAtMs <= endMs)
    .sort((one, other) => one.firingAtMs - other.firingAtMs);
  const others = [...new Set(began.map(({ alert }) => alert))].filter((name) => name !== fired[0]?.alert);
  const also = others.length === 0 ? '' : `; began to be true as well: ${others.join(', ')}`;
  const first = fired[0];
  if (first !== undefined) {
    const afterMs = first.firingAtMs - fromMs;
    const note = `${first.alert}, true after ${first.activeAtMs - fromMs} ms${also}`;
    return expected.silence === null ? judged(afterMs, NOTICED_MS_MAX, note) : unjudged(note, afterMs);
  }
  const note = `none fires${also}`;
  return expected.silence === null ? missedNotice(fault, watch, note) : unjudged(note);
}

function judgeRecovery(
  fault: Fault,
  watch: WatchEvidence,
  seen: {
    readonly sinceMs: number | null;
    readonly work: readonly (number | null)[];
    readonly said: readonly Speaker[];
  },
): Timing {
  const { expected, nextMs } = fault;
  const { sinceMs, work, said } = seen;
  if (sinceMs === null) return unjudged('nobody mended it');
  const watchedUntilMs = watch.watchedUntilMs(sinceMs);
  if (watchedUntilMs === null) return unjudged('nobody looked');
  // Who has to say that it is away says as well that it is back.
  const spoke = expected.silence === null ? said.filter(({ saidAtMs }) => saidAtMs !== null) : [];
  const well = spoke.map(({ name, saidAtMs }) =>
    watch.firstSaid(name, Math.max(sinceMs, saidAtMs ?? 0), (status) => status === 'healthy'),
  );
  const all = [...work, ...well];
  const times = all.flatMap((atMs) => (atMs === null ? [] : [atMs]));
  const endMs = Math.max(sinceMs, ...times);
  const limitMs = expected.recoverySecondsMax === null ? null : expected.recoverySecondsMax * 1_000;
  if (all.length === 0) return unjudged('nothing was under way');
  if (nextMs > fault.fromMs && nextMs < (times.length === all.length ? endMs : watchedUntilMs)) {
    return unjudged('another fault began before', times.length === all.length ? endMs - sinceMs : null);
  }
  const note = `${work.length} partitions${well.length === 0 ? '' : ` and the word of ${well.length}`}`;
  if (limitMs === null) return unjudged(note, times.length === all.length ? endMs - sinceMs : null);
  if (times.length === all.length) return judged(endMs - sinceMs, limitMs, note);
  if (watchedUntilMs < sinceMs + limitMs) return unjudged('nobody looked for so long');
  return missed(watchedUntilMs - sinceMs, limitMs, `${all.length - times.length} of ${note} are not`);
}

/** By partition that had something to do: when it was going on; null: that was not seen. */
function resumed(watch: WatchEvidence, inputs: Inputs, sinceMs: number): (number | null)[] {
  return [...inputs].flatMap(([partition, takenAtMs]) => {
    const position = watch.positionAt(partition, sinceMs);
    const isWaiting = position < takenAtMs.length && (takenAtMs[position] ?? sinceMs) < sinceMs;
    let fresh = position;
    while (fresh < takenAtMs.length && (takenAtMs[fresh] ?? 0) < sinceMs) fresh++;
    const isBusy = (takenAtMs[fresh] ?? Number.POSITIVE_INFINITY) <= sinceMs + BUSY_MS;
    if (!isBusy && !isWaiting) return [];
    return [watch.settledAtMs(partition, isBusy ? fresh : position, sinceMs)];
  });
}

function judged(afterMs: number, limitMs: number, note: string): Timing {
  return { afterMs, limitMs, answer: afterMs <= limitMs ? 'met' : 'missed', note };
}

/** Looked for so long, and not seen. */
function missed(afterMs: number, limitMs: number, note: string): Timing {
  return { afterMs, isAtLeast: true, limitMs, answer: 'missed', note };
}

function unjudged(note: string, afterMs: number | null = null): Timing {
  return { afterMs, limitMs: null, answer: 'not judged', note };
}
