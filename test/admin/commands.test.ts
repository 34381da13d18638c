import { AdminInMemory, LETTER } from '../support/admin.ts';

let admin: AdminInMemory;
beforeEach(() => {
  admin = new AdminInMemory();
});

/** The JSON result of a command that succeeds. */
async function json(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await admin.run(...args, '--json');
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

describe('migrate', () => {
  test('status shows what is applied and what is missing', async () => {
    expect((await admin.run('migrate', 'status')).stdout).toBe(
      'MIGRATION     STATE\n0000_batches  applied\n0001_slots    pending\n',
    );
    expect(await json('migrate', 'status')).toEqual({ applied: ['0000_batches'], pending: ['0001_slots'] });
  });

  test('up says what it applied, and that there is nothing to apply the second time', async () => {
    expect((await admin.run('migrate', 'up')).stdout).toBe('applied 0001_slots\n');
    expect((await admin.run('migrate', 'up')).stdout).toBe('nothing to apply\n');
    expect(await json('migrate', 'up')).toEqual({ applied: [] });
  });
});

describe('topics', () => {
  test('ensure passes what is wanted and shows what was created', async () => {
    const { stdout } = await admin.run('topics', 'ensure', '--partitions', '12', '--replication-factor', '3');
    expect(admin.asked).toEqual([{ partitions: 12, replicationFactor: 3 }]);
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['TOPIC', 'PARTITIONS', 'REPLICAS', 'MIN-ISR', 'RETENTION', 'STATE'],
      ['content', '3', '3', '2', '168 h', 'present, unchanged'],
      ['content.DLQ', '12', '3', '2', 'unlimited', 'created'],
      [''],
    ]);
  });

  test('ensure leaves the replicas to the cluster, and says what differs in what exists', async () => {
    admin.warnings = ['content has 1 of 3 possible replicas'];
    const { code, stdout } = await admin.run('topics', 'ensure');
    expect(admin.asked).toEqual([{ partitions: 15, replicationFactor: undefined }]);
    expect([code, stdout.split('\n').at(-2)]).toEqual([0, 'differs: content has 1 of 3 possible replicas']);
  });

  test('check is 0 with warnings alone, which carry their mark', async () => {
    admin.warnings = ['content has 1 of 3 possible replicas'];
    const { code, stdout } = await admin.run('topics', 'check');
    expect([code, stdout]).toEqual([0, 'warning: content has 1 of 3 possible replicas\ntopics do for a start\n']);
  });

  test('check is 0 when nothing is wrong and 78 with every problem otherwise', async () => {
    expect((await admin.run('topics', 'check')).code).toBe(0);
    admin.problems = ['content has 1 partition, 3 are needed', 'failure is missing'];
    const { code, stdout } = await admin.run('topics', 'check', '--json');
    expect(code).toBe(78);
    expect(JSON.parse(stdout)).toEqual({ problems: admin.problems, warnings: [] });
  });
});

describe('batch show', () => {
  test('tells what the read API tells', async () => {
    admin.status.batches.set('b1', {
      batchId: 'b1',
      state: 'open',
      expectedCount: 3,
      openCount: 2,
      filledCount: 1,
      failedCount: 0,
      pendingCount: 0,
      excessCount: 0,
      version: 2,
      registeredAtMs: 0,
      completedAtMs: null,
      completion: null,
    });
    expect(await json('batch', 'show', 'b1')).toMatchObject({ batch_id: 'b1', open: 2, completion_percentage: 33.3 });
    expect((await admin.run('batch', 'show', 'b1')).stdout).toMatch(/^state +open$/m);
  });

  test('of an unknown batch fails with 1', async () => {
    expect(await admin.run('batch', 'show', 'b2')).toEqual({ code: 1, stdout: '', stderr: 'no such batch: b2\n' });
  });
});

describe('dlq', () => {
  test('list filters and shows a line per letter', async () => {
    const { stdout } = await admin.run(
      'dlq',
      'list',
      '--topic',
      'content',
      '--reason',
      'malformed_json',
      '--limit',
      '5',
    );
    expect(admin.asked).toEqual([{ filter: { topic: 'content', reason: 'malformed_json' }, lettersMax: 5 }]);
    expect(stdout).toMatch(/^content\.DLQ +0:17 +malformed_json +1 +2026-01-01T00:00:00\.000Z +Unexpected end$/m);
  });

  test('a dead-letter topic is understood as the topic it serves', async () => {
    await admin.run('dlq', 'list', '--topic', 'content.DLQ');
    expect(admin.asked).toEqual([{ filter: { topic: 'content' }, lettersMax: 50 }]);
  });

  test('show gives the bytes as JSON, and as text that cannot steer the terminal', async () => {
    const args = ['dlq', 'show', '--topic', 'content', '--offset', '0:17'];
    expect(await json(...args)).toMatchObject({
      key: 'upload-1',
      topic_offset: 99,
      value_base64: Buffer.from(LETTER.value ?? []).toString('base64'),
    });
    expect(admin.asked).toEqual([
      { filter: { topic: 'content', position: { partition: 0, offset: 17 } }, lettersMax: 1 },
    ]);
    const { stdout } = await admin.run(...args);
    expect(stdout).toContain('{"broken\uFFFD[2J');
    expect(stdout).not.toContain('\u001b');
  });

  test('show of nothing fails with 1', async () => {
    admin.letters = [];
    expect((await admin.run('dlq', 'show', '--topic', 'content', '--offset', '0:18')).code).toBe(1);
  });

  test('replay needs a filter or --all, and passes rate and dry run', async () => {
    expect(await json('dlq', 'replay', '--reason', 'invalid_id', '--rate', '7', '--dry-run')).toEqual({
      matched: 3,
      replayed: 0,
      dry_run: true,
    });
    expect((await admin.run('dlq', 'replay', '--all')).stdout).toBe('3 of 3 replayed\n');
    expect(admin.asked).toEqual([
      { filter: { reason: 'invalid_id' }, options: { dryRun: true, perSecondMax: 7 } },
      { filter: {}, options: { dryRun: false, perSecondMax: 100 } },
    ]);
  });
});

describe('outbox', () => {
  test('stats shows depth, age and what was given up', async () => {
    expect(await json('outbox', 'stats')).toEqual({ unpublished: 2, oldest_age_ms: 1500, dead: 1 });
    expect((await admin.run('outbox', 'stats')).stdout).toMatch(/^unpublished +2$/m);
  });

  test('retry takes all that were given up, or those named', async () => {
    const id = '4711';
    expect(await json('outbox', 'retry')).toEqual({ retried: 1 });
    expect((await admin.run('outbox', 'retry', id, id)).stdout).toBe('2 due again\n');
    expect(admin.asked).toEqual(['all', [id, id]]);
  });
});
