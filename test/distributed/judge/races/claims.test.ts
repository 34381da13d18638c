import type { AuditEntry, SlotRow } from '../../../../distributed/judge/evidence/rows.ts';
import { claimRacesOf } from '../../../../distributed/judge/races/claims.ts';
import { CounterTotals, neededRaces, racesOf } from '../../../../distributed/judge/races/count-races.ts';

interface Taking {
  readonly position: number;
  readonly txid: number;
  readonly by: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Slots taken in this order; times are those of the transaction. */
function batchOf(takings: readonly Taking[], openPositions: readonly number[] = []) {
  const slots = [
    ...takings.map(({ position, by }) => ({ position, by })),
    ...openPositions.map((position) => ({ position, by: null })),
  ];
  const audit = takings.map(({ position, txid, by, fromMs, toMs }, index) => ({
    seq: index,
    txid,
    atMs: toMs,
    statementAtMs: fromMs,
    committedAtMs: toMs,
    table: 'slots',
    operation: 'update' as const,
    batchId: 'b',
    rowId: `essay-${position}`,
    old: { status: 'open' },
    new: { status: 'filled', position, assigned_by: by },
    pid: txid,
  }));
  const rows = slots.map(({ position, by }) => ({ essayId: `essay-${position}`, position, assignedBy: by }) as SlotRow);
  return claimRacesOf(rows, audit as AuditEntry[]);
}

const one = { position: 0, txid: 1, by: 'worker-1', fromMs: 0, toMs: 10 };

test('transactions of two instances that share a moment overlap', () => {
  expect(batchOf([one, { position: 1, txid: 2, by: 'worker-2', fromMs: 9, toMs: 20 }])).toMatchObject({
    overlaps: 1,
    instances: 2,
  });
});

test('transactions one after the other, or of one instance, do not overlap', () => {
  expect(batchOf([one, { position: 1, txid: 2, by: 'worker-2', fromMs: 10, toMs: 20 }]).overlaps).toBe(0);
  expect(batchOf([one, { position: 1, txid: 2, by: 'worker-1', fromMs: 5, toMs: 20 }]).overlaps).toBe(0);
});

test('a transaction that takes many slots is one transaction', () => {
  const other = { txid: 2, by: 'worker-2', fromMs: 5, toMs: 20 };
  expect(batchOf([one, { ...one, position: 1 }, { ...other, position: 2 }, { ...other, position: 3 }]).overlaps).toBe(
    1,
  );
});

test('a slot taken while a lower one was open is a skip', () => {
  const later = { txid: 2, by: 'worker-2', fromMs: 20, toMs: 30 };
  expect(
    batchOf([
      { ...one, position: 1 },
      { ...later, position: 0 },
    ]).skips,
  ).toBe(1);
  expect(batchOf([{ ...one, position: 1 }], [0]).skips).toBe(1);
  expect(
    batchOf(
      [
        { ...one, position: 0 },
        { ...later, position: 1 },
      ],
      [2],
    ).skips,
  ).toBe(0);
});

test('only the two last slots of a full batch make a close finish', () => {
  const last = { position: 1, txid: 2, by: 'worker-2', fromMs: 20, toMs: 30 };
  expect(batchOf([one, last]).isCloseFinish).toBe(true);
  expect(batchOf([one, { ...last, toMs: 100 }]).isCloseFinish).toBe(false);
  expect(batchOf([one, { ...last, txid: 1 }]).isCloseFinish).toBe(false);
  expect(batchOf([one, last], [2]).isCloseFinish).toBe(false);
});

test('a counter that starts anew with its process is added up', () => {
  const totals = new CounterTotals();
  for (const value of [2, 5, 1, 3]) totals.add({ process: 'worker-1', metric: 'm', value });
  totals.add({ process: 'worker-2', metric: 'm', value: 4 });
  expect([totals.sum('m'), totals.max('m'), totals.sum('other')]).toEqual([12, 8, 0]);
});

test('a needed race that was never seen is listed, first', () => {
  const seen = { ...Object.fromEntries(racesOf({} as never, {}).map(({ name }) => [name, 0])) };
  expect(seen).toEqual({});
  const counts = { overlappingClaims: 0, sharedBatches: 3 } as Parameters<typeof racesOf>[0];
  const races = racesOf(counts, neededRaces({ races: { overlappingClaims: 20 } }));
  expect(races.map(({ seen, needed }) => [seen, needed])).toEqual([
    [0, 20],
    [3, 0],
  ]);
});
