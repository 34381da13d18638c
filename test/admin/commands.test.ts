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
      erasedAtMs: null,
      completion: null,
    });
    expect(await json('batch', 'show', 'b1')).toMatchObject({ batch_id: 'b1', open: 2, completion_percentage: 33.3 });
    expect((await admin.run('batch', 'show', 'b1')).stdout).toMatch(/^state +open$/m);
  });

  test('of an unknown batch fails with 1', async () => {
    expect(await admin.run('batch', 'show', 'b2')).toEqual({ code: 1, stdout: '', stderr: 'no such batch: b2\n' });
  });
});

describe('batches that do not end', () => {
  test('list filters, shows a line each and how to go on', async () => {
    const { stdout } = await admin.run('batch', 'list', '--state', 'open', '--older-than', '36h', '--limit', '1');
    expect(admin.asked).toEqual([{ states: ['open'], ageMsMin: 36 * 3_600_000, batchesMax: 1, after: null }]);
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['BATCH', 'STATE', 'AGE', 'OWNER', 'SLOTS', 'FILLED', 'FAILED', 'OPEN', 'PENDING'],
      ['b1', 'open', '2d', 'teacher', '30', '27', '1', '2', '0'],
      ['more: --after cursor'],
      [''],
    ]);
    const listed = await json('batch', 'list', '--after', 'cursor');
    expect(listed).toMatchObject({ batches: [{ batch_id: 'b1', open: 2, age_seconds: 200_000 }], next: 'cursor' });
    expect(admin.asked.at(-1)).toMatchObject({ states: ['announced', 'open'], ageMsMin: 0, after: 'cursor' });
    expect((await admin.run('batch', 'list', '--older-than', 'soon')).code).toBe(2);
    expect((await admin.run('batch', 'list', '--state', 'complete')).code).toBe(2);
  });

  test('nothing is closed or expired that nobody has said yes to', async () => {
    const { code, stderr } = await admin.run('batch', 'close', 'b1');
    expect([code, stderr]).toEqual([2, 'nobody is here to be asked: add --yes\n']);
    expect((await admin.run('batch', 'expire', 'b1', '--export', 'file')).code).toBe(2);
    admin.answer = false;
    expect((await admin.run('batch', 'close', 'b1')).stderr).toBe('not confirmed, nothing is changed\n');
    expect(admin.asked).toEqual([]);
    admin.answer = true;
    expect((await admin.run('batch', 'close', 'b1')).stdout).toBe('b1 is complete, 2 slots burnt\n');
    expect(await json('batch', 'expire', 'b1', '--export', 'file', '--yes')).toEqual({
      batch_id: 'b1',
      expired: 3,
      file: 'file',
    });
    expect(admin.asked).toEqual([
      ['close', 'b1'],
      ['expire', 'b1', 'file'],
    ]);
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
    expect(stdout).toContain('00-aa-bb-01');
    expect(stdout).toContain('{"broken\uFFFD[2J');
    expect(stdout).not.toContain('\u001b');
  });

  test('show of nothing fails with 1', async () => {
    admin.letters = [];
    expect((await admin.run('dlq', 'show', '--topic', 'content', '--offset', '0:18')).code).toBe(1);
  });

  test('a partition chooses, and a reason that does not exist is wrong usage that names those that do', async () => {
    await admin.run('dlq', 'list', '--partition', '2');
    expect(admin.asked).toEqual([{ filter: { partition: 2 }, lettersMax: 50 }]);
    const { code, stderr } = await admin.run('dlq', 'list', '--reason', 'typo');
    expect(code).toBe(2);
    expect(stderr).toContain('malformed_json');
  });

  test('replay needs a filter or --all, and passes rate and dry run', async () => {
    expect(await json('dlq', 'replay', '--reason', 'invalid_id', '--rate', '7', '--dry-run')).toEqual({
      matched: 3,
      replayed: 0,
      skipped: 1,
      before: 0,
      refused: 0,
      dry_run: true,
    });
    expect((await admin.run('dlq', 'replay', '--all')).stdout).toBe(
      '2 of 3 replayed\n1 are batches that cannot be decoded: no records to send\n',
    );
    expect(admin.asked).toEqual([
      { filter: { reason: 'invalid_id' }, options: { dryRun: true, perSecondMax: 7, force: false } },
      { filter: {}, options: { dryRun: false, perSecondMax: 100, force: false } },
    ]);
  });
});

describe('dlq by time and batch', () => {
  test('times are moments or ages, and anything else is wrong usage', async () => {
    await admin.run('dlq', 'list', '--since', '2026-01-31T08:00Z', '--until', '2026-02-01', '--batch', 'b1');
    const filter = {
      sinceMs: Date.UTC(2026, 0, 31, 8),
      untilMs: Date.UTC(2026, 1, 1),
      batchId: 'b1',
    };
    expect(admin.asked).toEqual([{ filter, lettersMax: 50 }]);
    const beforeMs = Date.now();
    await admin.run('dlq', 'replay', '--since', '36h', '--force');
    const asked = admin.asked.at(-1) as { filter: { sinceMs: number }; options: unknown };
    expect(asked.filter.sinceMs).toBeGreaterThanOrEqual(beforeMs - 36 * 3_600_000);
    expect(asked.filter.sinceMs).toBeLessThanOrEqual(Date.now() - 36 * 3_600_000);
    expect(asked.options).toMatchObject({ force: true });
    expect((await admin.run('dlq', 'list', '--since', 'yesterday')).code).toBe(2);
  });
});

describe('outbox', () => {
  test('stats shows depth, age and what was given up', async () => {
    expect(await json('outbox', 'stats')).toEqual({ unpublished: 2, oldest_age_ms: 1500, dead: 1 });
    expect((await admin.run('outbox', 'stats')).stdout).toMatch(/^unpublished +2$/m);
  });

  test('list shows what waits or was given up, and why', async () => {
    const listed = { id: '7', state: 'dead', age_s: 90, due_in_s: null, attempts: 3, topics: ['slot.assigned'] };
    expect(await json('outbox', 'list')).toEqual([{ ...listed, acknowledged: '4/5', error: 'too large' }]);
    expect((await admin.run('outbox', 'list', '--limit', '5')).stdout).toMatch(
      /^7 +dead +90 +- +3 +slot.assigned +4\/5 +too large$/m,
    );
    expect(admin.asked).toEqual([{ rowsMax: 20 }, { rowsMax: 5 }]);
  });

  test('retry takes all that were given up, or those named', async () => {
    const id = '4711';
    expect(await json('outbox', 'retry')).toEqual({ retried: 1 });
    expect((await admin.run('outbox', 'retry', id, id)).stdout).toBe('2 due again\n');
    expect(admin.asked).toEqual(['all', [id, id]]);
  });
});
