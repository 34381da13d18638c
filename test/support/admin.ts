import type { AdminDeps, DeadLetterFilter, Open, Probe, StoredDeadLetter } from '../../src/admin/deps.ts';
import { runAdmin } from '../../src/admin/program.ts';
import type { UnfinishedBatch } from '../../src/domain/upkeep-store.ts';
import { MemoryStatusReader } from './http-server.ts';

export const LETTER: StoredDeadLetter = {
  deadLetterTopic: 'content.DLQ',
  partition: 0,
  offset: 17,
  reason: 'malformed_json',
  detail: 'Unexpected end',
  topic: 'content',
  topicPartition: 2,
  topicOffset: 99,
  attempts: 1,
  firstSeen: '2026-01-01T00:00:00.000Z',
  instance: 'worker-1',
  key: Buffer.from('upload-1'),
  value: Buffer.from('{"broken\u001b[2J'),
  headers: { traceparent: '00-aa-bb-01' },
};

export const UNFINISHED: UnfinishedBatch = {
  batchId: 'b1',
  state: 'open',
  ageSeconds: 200_000,
  userId: 'teacher',
  orgId: null,
  expectedCount: 30,
  openCount: 2,
  filledCount: 27,
  failedCount: 1,
  pendingCount: 0,
};

/** The commands over dependencies in memory, with a record of what was opened, closed and asked. */
export class AdminInMemory {
  readonly opened: string[] = [];
  readonly asked: unknown[] = [];
  readonly status = new MemoryStatusReader();
  letters: StoredDeadLetter[] = [LETTER];
  pendingMigrations = ['0001_slots'];
  problems: string[] = [];
  warnings: string[] = [];
  openFailure: Error | null = null;
  environment: Record<string, string> = {};
  probes: Probe[] = [];
  /** Of whoever sits at the terminal; null where nobody does. */
  answer: boolean | null = null;

  async run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    let stdout = '';
    let stderr = '';
    const code = await runAdmin(args, this.deps(), {
      stdout: (text) => {
        stdout += text;
      },
      stderr: (text) => {
        stderr += text;
      },
      ...(this.answer !== null && { confirm: async () => this.answer === true }),
    });
    return { code, stdout, stderr };
  }

  private deps(): AdminDeps {
    return {
      environment: this.environment,
      migrations: this.open('migrations', {
        up: async () => ({ applied: this.pendingMigrations.splice(0) }),
        status: async () => ({ applied: ['0000_batches'], pending: this.pendingMigrations }),
      }),
      topics: this.open('topics', {
        ensure: async (wanted) => {
          this.asked.push(wanted);
          return [
            {
              topic: 'content',
              partitions: 3,
              replicas: 3,
              inSyncReplicasMin: 2,
              retentionMs: 604_800_000,
              created: false,
            },
            {
              topic: 'content.DLQ',
              partitions: wanted.partitions,
              replicas: wanted.replicationFactor ?? 3,
              inSyncReplicasMin: 2,
              retentionMs: -1,
              created: true,
            },
          ];
        },
        check: async (warn) => {
          this.warnings.forEach(warn);
          return this.problems;
        },
      }),
      deadLetters: this.open('deadLetters', {
        list: async (filter: DeadLetterFilter, lettersMax: number) => {
          this.asked.push({ filter, lettersMax });
          return this.letters;
        },
        replay: async (filter, options) => {
          this.asked.push({ filter, options });
          return { matched: 3, replayed: options.dryRun ? 0 : 2, skipped: 1, before: 0, refused: 0 };
        },
      }),
      outbox: this.open('outbox', {
        stats: async () => ({ unpublishedCount: 2, unpublishedMessages: 5, oldestAgeMs: 1500, deadCount: 1 }),
        list: async (rowsMax) => {
          this.asked.push({ rowsMax });
          return [
            {
              id: '7',
              state: 'dead',
              ageMs: 90_000,
              dueInMs: null,
              attempts: 3,
              topics: ['slot.assigned'],
              messageCount: 5,
              acknowledgedCount: 4,
              error: 'too large',
            },
          ];
        },
        retryDead: async (ids) => {
          this.asked.push(ids ?? 'all');
          return ids?.length ?? 1;
        },
      }),
      status: this.open('status', this.status),
      probes: this.probes,
      batches: this.open('batches', {
        list: async (wanted) => {
          this.asked.push(wanted);
          return { batches: [UNFINISHED], next: 'cursor' };
        },
        close: async (batchId) => {
          this.asked.push(['close', batchId]);
          return 2;
        },
        expire: async (batchId, file) => {
          this.asked.push(['expire', batchId, file]);
          return 3;
        },
      }),
    };
  }

  private open<Port>(name: string, port: Port): Open<Port> {
    return async () => {
      if (this.openFailure !== null) {
        throw this.openFailure;
      }
      this.opened.push(`${name} opened`);
      return {
        port,
        close: async () => {
          this.opened.push(`${name} closed`);
        },
      };
    };
  }
}
