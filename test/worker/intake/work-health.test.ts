import { AppError } from '../../../src/errors.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { WorkHealth } from '../../../src/worker/intake/work-health.ts';
import { ParkedBatches } from '../../../src/worker/settle/parked-batches.ts';
import { silentLog } from '../../support/worker/intake-bench.ts';

const DENIED = new AppError('STORE_FAILED', 'database refused claim-slots (42501)');
const LONG_MS = 21_000;

function bench() {
  let nowMs = 1_000_000;
  const now = () => nowMs;
  const parked = new ParkedBatches({ log: silentLog, metrics: new Metrics(), now });
  const health = new WorkHealth({ parked, now });
  const pass = (durationMs: number, every: () => void = () => {}) => {
    for (const endMs = nowMs + durationMs; nowMs < endMs; ) {
      nowMs = Math.min(endMs, nowMs + 1000);
      every();
    }
  };
  return { health, parked, pass, now };
}

describe('work that does not flow', () => {
  test('for long has a reason, from when it stopped, and none once a record is resolved', () => {
    const { health, pass, now } = bench();
    pass(3_600_000);
    health.retried(DENIED);
    expect(health.reason()).toBeNull();
    pass(LONG_MS, () => health.retried(DENIED));
    expect(health.reason()).toBe('nothing could be resolved for 21 s: database refused claim-slots (42501)');
    health.resolved(now());
    expect(health.reason()).toBeNull();
  });

  test('on one partition while another flows is no reason', () => {
    const { health, pass, now } = bench();
    pass(LONG_MS * 3, () => {
      health.retried(DENIED);
      health.resolved(now());
    });
    expect(health.reason()).toBeNull();
  });

  test('is over when nothing is tried any more: the partitions have gone elsewhere', () => {
    const { health, pass } = bench();
    pass(LONG_MS, () => health.retried(DENIED));
    pass(16_000);
    expect(health.reason()).toBeNull();
    health.retried(DENIED);
    expect(health.reason()).toBeNull();
  });

  test('for want of space is told at once, although what is known already is resolved, and is over without retries', () => {
    const { health, pass, now } = bench();
    const full = new AppError('STORE_FULL', 'database refused assign-contents (53100)');
    health.retried(full);
    expect(health.reason()).toBeNull();
    pass(2000, () => {
      health.retried(full);
      health.resolved(now());
    });
    expect(health.reason()).toBe('the database has no space left, for 2 s: database refused assign-contents (53100)');
    // The next try of a partition may be five seconds away.
    pass(6000, () => health.resolved(now()));
    expect(health.reason()).toMatch(/no space left/);
    pass(2000, () => health.resolved(now()));
    expect(health.reason()).toBeNull();
  });

  test('because one record cannot be set aside is no reason, because of several it is', () => {
    const { health, pass } = bench();
    pass(LONG_MS, () => health.notSetAside('t/0', DENIED));
    expect(health.reason()).toBeNull();
    pass(LONG_MS + 1000, () => {
      health.notSetAside('t/0', DENIED);
      health.notSetAside('t/1', DENIED);
    });
    expect(health.reason()).toContain('nothing could be resolved for 21 s');
  });

  test('because transactions on several batches are obstructed is a reason, on a lone one or held ones not', () => {
    const { health, parked, pass, now } = bench();
    const parkAll = (ids: string[], because: 'busy' | 'obstructed') => () => {
      parked.release(now());
      parked.park(ids, because);
    };
    pass(LONG_MS, parkAll(['held-1', 'held-2', 'held-3'], 'busy'));
    expect(health.reason()).toBeNull();
    pass(LONG_MS, parkAll(['lone'], 'obstructed'));
    expect(health.reason()).toBeNull();
    pass(LONG_MS, parkAll(['lone', 'other'], 'obstructed'));
    expect(health.reason()).toContain('transactions on 2 batches meet conflicts or time limits');
    health.resolved(now());
    expect(health.reason()).toBeNull();
  });
});
