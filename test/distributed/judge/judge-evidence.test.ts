import { appendFile, stat, truncate } from 'node:fs/promises';
import { writeLostEvents } from '../../../distributed/run/lost-events.ts';
import type { Check } from '../../../distributed/run/results.ts';
import { mergeVerdict } from '../../../distributed/run/verdict.ts';
import { EVENT_TYPES } from '../../../src/contract/topics.ts';
import { CorrectRun } from '../../support/recorded/correct-run.ts';
import { alter, failing, filled, judge, records, unsure } from '../../support/recorded/judge-correct-run.ts';

test('a right run is valid and everything in it was judged', async () => {
  const checks = await judge(new CorrectRun());
  expect(checks.filter((check) => check.verdict !== true)).toEqual([]);
  expect(mergeVerdict(checks)).toBe('valid');
  for (const check of checks) expect([check.id, check.judged > 0]).toEqual([check.id, true]);
});

test('two slots with one content are found in the tables alone', async () => {
  const run = new CorrectRun();
  const slot = run.first(filled(run));
  const twin = filled(run).find((other) => other['batch_id'] === slot['batch_id'] && other !== slot);
  Object.assign(twin ?? {}, { text_storage_id: slot['text_storage_id'] });
  run.tables.audit.length = 0;
  expect(failing(await judge(run))).toContain('I1');
});

test('copies with the same bytes are right where something was broken on purpose', async () => {
  const run = new CorrectRun();
  run.copy('out', run.first(run.topics.out));
  run.copy('dlq', run.first(run.topics.dlq));
  run.faults.push({ monoMs: 1, wallMs: 1, fault: 'kill', target: 'worker-1', phase: 'start' });
  expect(failing(await judge(run))).toEqual([]);
});

test('copies that differ are wrong even then', async () => {
  const run = new CorrectRun();
  const copy = run.copy('out', run.first(records(run, EVENT_TYPES.slotAssigned)));
  alter(copy, (data) => Object.assign(data, { timestamp: '2030-01-01T00:00:00.000Z' }));
  run.faults.push({ monoMs: 1, wallMs: 1, fault: 'kill', target: 'worker-1', phase: 'start' });
  expect(failing(await judge(run))).toEqual(['I4']);
});

test('judged in many parts a run has the same answers', async () => {
  const run = new CorrectRun();
  run.tables.excess_contents.pop();
  const [whole, parts] = [await judge(run), await judge(run, { sliceBytesMax: 20_000 })];
  const facts = (checks: readonly Check[]) =>
    checks.map(({ id, verdict, judged, problemCount }) => ({ id, verdict, judged, problemCount }));
  expect(facts(parts)).toEqual(facts(whole));
});

test('what is valid follows the settings of the workers that ran', async () => {
  const run = new CorrectRun();
  run.options['workerEnv'] = { SLOTS_MAX: '4' };
  expect(failing(await judge(run))).toContain('I3');
  run.options['workerEnv'] = { SLOTS_MAX: '5', VALUE_BYTES_MAX: '100000' };
  expect(failing(await judge(run))).toEqual([]);
});

test('a hole in the offsets is nothing missing where transactions were used', async () => {
  const run = new CorrectRun();
  const last = run.first(run.topics.in.filter(({ topic }) => topic.endsWith(EVENT_TYPES.content)).slice(-1));
  // As if markers lay before it.
  Object.assign(last, { offset: last.offset + 2 });
  expect(unsure(await judge(run))).toContain('evidence');
  run.options['transactions'] = true;
  expect(unsure(await judge(run))).not.toContain('evidence');
});

test('without the audit on purpose only what it alone can tell is not asked', async () => {
  const run = new CorrectRun();
  run.tables.audit.length = 0;
  run.isAudited = false;
  run.options['audit'] = false;
  const checks = await judge(run);
  expect(checks.map(({ id }) => id)).not.toContain('I2');
  expect(checks.filter((check) => check.verdict !== true)).toEqual([]);
});

describe('missing evidence', () => {
  test.each([
    ['an input', (run: CorrectRun) => run.topics.in.splice(3, 1)],
    ['the last input', (run: CorrectRun) => run.topics.in.pop()],
    ['the last event', (run: CorrectRun) => run.topics.out.pop()],
    ['a slot', (run: CorrectRun) => run.tables.slots.pop()],
    ['the end of the audit', (run: CorrectRun) => run.tables.audit.splice(-20)],
    ['the end of the history', (run: CorrectRun) => run.history.splice(-20)],
    ['a line of the history', (run: CorrectRun) => run.history.splice(10, 1)],
    ['the end of the phases', (run: CorrectRun) => run.phases.pop()],
  ])('without %s a run is not valid', async (_, cut) => {
    const run = new CorrectRun();
    run.freeze();
    cut(run);
    expect(mergeVerdict(await judge(run))).not.toBe('valid');
  });

  test('without the audit nobody knows whether a slot was taken twice', async () => {
    const run = new CorrectRun();
    run.tables.audit.length = 0;
    expect(unsure(await judge(run))).toContain('I2');
  });

  test('an unprocessed record leaves its fate open and is a lag', async () => {
    const run = new CorrectRun();
    const lost = run.first(run.tables.failures.filter((row) => row['essay_id'] === null));
    run.tables.failures.splice(run.tables.failures.indexOf(lost), 1);
    for (const { topic, partition } of run.topics.in) run.committed.set(`${topic}/${partition}`, 0);
    const checks = await judge(run);
    expect(failing(checks)).toEqual(['I13']);
    expect(unsure(checks)).toContain('I3');
  });

  test('a run that never waited for rest is not blamed for what was left', async () => {
    const run = new CorrectRun();
    run.phases = run.phases.filter(({ name }) => name !== 'quiescence');
    for (const { topic, partition } of run.topics.in) run.committed.set(`${topic}/${partition}`, 0);
    Object.assign(run.tables.outbox[0] ?? {}, { published_at: null });
    run.topics.out.splice(0, 1);
    const checks = await judge(run);
    expect(failing(checks)).toEqual([]);
    expect(unsure(checks)).toEqual(expect.arrayContaining(['I6', 'I13']));
  });

  test('a file that was cut in the middle of a line is not whole', async () => {
    const checks = await judge(new CorrectRun(), {}, async (directory) => {
      const path = directory.file('topics', 'out.jsonl');
      await truncate(path, (await stat(path)).size - 100);
    });
    expect(mergeVerdict(checks)).not.toBe('valid');
  });

  test('a file that cannot be read makes everything unknown', async () => {
    const checks = await judge(new CorrectRun(), {}, (directory) =>
      appendFile(directory.file('tables', 'slots.jsonl'), '{"a":\n'),
    );
    expect(new Set(checks.map((check) => check.verdict))).toEqual(new Set(['unknown']));
    expect(checks[0]?.note).toMatch(/slots\.jsonl/);
  });
});

test('a checker that crashes is unknown, says why, and stops no other', async () => {
  const broken = {
    id: 'X',
    title: 'x',
    batch: () => {
      throw new Error('planted');
    },
  };
  const idle = { id: 'Y', title: 'y' };
  const busy = {
    id: 'Z',
    title: 'z',
    run: async (_: unknown, findings: { holds(is: boolean, of: () => never): void }) =>
      findings.holds(true, () => {
        throw new Error('never asked');
      }),
  };
  const checks = await judge(new CorrectRun(), { checkers: [broken, idle, busy] });
  expect(checks.map((check) => check.verdict)).toEqual(['unknown', 'unknown', true]);
  expect(checks[0]?.note).toMatch(/planted/);
  expect(checks[1]?.note).toMatch(/nothing to judge/);
});

describe('a replay', () => {
  function replayed(): CorrectRun {
    const run = new CorrectRun();
    const [phase] = run.phases;
    if (phase === undefined) throw new Error('no phase');
    run.phases.splice(1, 0, { ...phase, name: 'replay' });
    const { audit: _, ...tables } = run.tables;
    run.before = structuredClone(tables);
    return run;
  }

  test('that changed nothing is valid', async () => {
    const checks = await judge(replayed());
    expect(checks.find((check) => check.id === 'I19')).toMatchObject({ verdict: true });
  });

  test('that changed a row is invalid, and the row is shown before and after', async () => {
    const run = replayed();
    Object.assign(run.before?.['slots']?.[0] ?? {}, { assigned_by: 'somebody' });
    const check = (await judge(run)).find(({ id }) => id === 'I19');
    expect(check).toMatchObject({ verdict: false, problemCount: 1 });
    expect(check?.problems[0]?.timeline?.[0]?.text).toMatch(/somebody/);
  });

  test('that published again is invalid', async () => {
    const run = replayed();
    run.before?.['outbox']?.pop();
    expect((await judge(run)).find(({ id }) => id === 'I19')).toMatchObject({ verdict: false, problemCount: 1 });
  });

  test('whose state before it is not known is unknown', async () => {
    const run = replayed();
    run.before = null;
    expect((await judge(run)).find(({ id }) => id === 'I19')?.verdict).not.toBe(true);
  });
});

test('a counterexample names the records and tells what happened in order', async () => {
  const run = new CorrectRun();
  const lost = run.tables.excess_contents.pop();
  const check = (await judge(run)).find(({ id }) => id === 'I3');
  const problem = check?.problems[0];
  expect(problem?.message).toContain(String(lost?.['text_storage_id']));
  expect(problem?.batchId).toBe(lost?.['batch_id']);
  expect(problem?.records?.some((record) => record.startsWith(EVENT_TYPES.content))).toBe(true);
  const times = problem?.timeline?.map((event) => event.wallMs) ?? [];
  expect(times.length).toBeGreaterThan(1);
  expect([...times].sort((one, other) => one - other)).toEqual(times);
});

describe('events that a failover took back', () => {
  const PROMOTION = { monoMs: 1, wallMs: 1, fault: 'postgres-promotion', target: 'postgres', phase: 'start' } as const;

  /** Beside the announcement of a content its copy of before: in another slot of the batch, under the same id. */
  const withFormerCopy = () => {
    const run = new CorrectRun();
    run.faults.push(PROMOTION);
    const batchOf = ({ value }: { value: string | null }): string => JSON.parse(value ?? '').data.batch_id;
    const assigned = records(run, EVENT_TYPES.slotAssigned);
    const event = run.first(assigned);
    const neighbour = run.first(assigned.filter((other) => other !== event && batchOf(other) === batchOf(event)));
    const former = run.copy('out', event);
    alter(former, (data) => Object.assign(data, { essay_id: neighbour.key }));
    former.key = neighbour.key;
    return { run, event, lost: [event.headers['event_id'] ?? ''] };
  };

  test('may stand beside what came instead', async () => {
    const { run, lost } = withFormerCopy();
    expect(failing(await judge(run, {}, (directory) => writeLostEvents(directory, lost)))).toEqual([]);
  });

  test('do not stand for it', async () => {
    const { run, event, lost } = withFormerCopy();
    run.topics.out.splice(run.topics.out.indexOf(event), 1);
    expect(failing(await judge(run, {}, (directory) => writeLostEvents(directory, lost)))).toContain('I6');
  });

  test('are no excuse where nothing was lost', async () => {
    const { run } = withFormerCopy();
    expect(failing(await judge(run))).toEqual(['I4', 'I7']);
  });
});
