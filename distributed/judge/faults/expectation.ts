/**
 * What is expected when something is broken: who has to say so of himself, and within what time work is normal again. By
 * kind of fault and by who was hit; what nobody has to notice says why, so that it is not taken for a notice that is missing.
 */
import { TARGETS } from '../../../artefacts/targets.ts';
import { PROMOTION_FAULT } from '../evidence/run-evidence.ts';

/** Whom a part had. */
export interface Cast {
  readonly workers: readonly string[];
  readonly gateways: readonly string[];
  readonly servers: readonly string[];
}

export interface Expectation {
  /** Workers that must say so, or may where nobody has to. */
  readonly speakers: readonly string[];
  /** Why nobody has to. */
  readonly silence: string | null;
  /** From its end, unless others go on in its place. */
  readonly recoversFrom: 'start' | 'end';
  /** Null: nothing is promised here. */
  readonly recoverySecondsMax: number | null;
}

const { recoverySecondsMax, takeoverSecondsMax, caughtUpSecondsMax } = TARGETS;

/** Nothing is away: work goes on, slower or over new connections. */
const BEARABLE: ReadonlyMap<string, string> = new Map([
  ['postgres-terminate', 'sessions are opened anew'],
  ['table-locked', 'the server answers'],
  ['redis-flush', 'Redis answers'],
  ['redis-full', 'Redis answers'],
  ['redis-evict', 'Redis answers'],
  ['redis-poison', 'Redis answers'],
  ['redis-scramble', 'Redis answers'],
  ['clock-step', 'a clock does not know that it is wrong'],
]);

export function expectationOf({ fault, target }: { fault: string; target: string }, cast: Cast): Expectation {
  const named = target.split(/[ ,]+/);
  const hit = (names: readonly string[]) => names.filter((name) => named.includes(name));
  const nobody = (silence: string, rest: Partial<Expectation> = {}): Expectation => {
    return { speakers: cast.workers, silence, recoversFrom: 'end', recoverySecondsMax, ...rest };
  };
  if (hit(cast.gateways).length > 0) return nobody('the balancer sees it', { speakers: [], recoverySecondsMax: null });
  // What one that starts again says of itself says nothing of the others.
  const taken = { speakers: [], recoverySecondsMax: takeoverSecondsMax };
  if (fault === 'worker-pause') return nobody('who is frozen cannot speak', taken);
  if (fault.startsWith('worker-') || fault.startsWith('ended at ')) {
    const isSomebodyLeft = hit(cast.workers).length < cast.workers.length;
    return nobody('its end is seen by its exit', { ...taken, recoversFrom: isSomebodyLeft ? 'start' : 'end' });
  }
  if (fault === 'narrow') return nobody('the line carries something', { recoverySecondsMax: caughtUpSecondsMax });
  if (/^(slow|reset)-/.test(fault)) return nobody('the line carries something');
  const bearable = BEARABLE.get(fault);
  if (bearable !== undefined) return nobody(bearable);
  if (fault === PROMOTION_FAULT) return nobody('a standby is in its place', { recoversFrom: 'start' });
  return expectationOfAbsence(hit, cast, nobody);
}

/** Something that workers need is away, or does not answer. */
function expectationOfAbsence(
  hit: (names: readonly string[]) => readonly string[],
  { workers, servers }: Cast,
  nobody: (silence: string, rest?: Partial<Expectation>) => Expectation,
): Expectation {
  const brokers = servers.filter((name) => name.startsWith('kafka'));
  const brokersLeft = brokers.length - hit(brokers).length;
  if (brokersLeft > 0 && brokersLeft < brokers.length) {
    // Without a majority the metadata have no leader, and with it go those of the partitions.
    const recoversFrom = brokersLeft > brokers.length / 2 ? 'start' : 'end';
    return nobody('other brokers answer', { recoversFrom });
  }
  const named = hit(workers);
  const hasSentinels = servers.some((name) => name.includes('sentinel'));
  const isReplaced = hasSentinels && hit(servers.filter((name) => name.startsWith('redis'))).length > 0;
  return {
    speakers: named.length > 0 ? named : workers,
    silence: null,
    recoversFrom: isReplaced ? 'start' : 'end',
    recoverySecondsMax,
  };
}
