/**
 * Batches of records as other producers write them: with each codec, in transactions that are committed or taken back,
 * and as bombs that expand beyond all limits. Sent around the generator, whose own batches are plain; each input is in
 * the history before it leaves.
 */
import { CompressionTypes, type Producer } from 'kafkajs';
import type { Stage } from '../engine/stage.ts';
import { seededUuid } from '../generator/seeded-random.ts';
import type { RawInput } from '../generator/sendable.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { RecordMaker } from './bad-records.ts';

const CODECS = [
  ['gzip', CompressionTypes.GZIP],
  ['snappy', CompressionTypes.Snappy],
  ['lz4', CompressionTypes.LZ4],
  ['zstd', CompressionTypes.ZSTD],
] as const;
const PER_CODEC = 40;
const TRANSACTIONS = 4;
const PER_TRANSACTION = 10;
/** More than a worker lets one batch become; some hundred kilobytes on the wire at most. */
const BOMB_BYTES = 24 * 1024 * 1024;
const BOMBS = [CompressionTypes.GZIP, CompressionTypes.LZ4] as const;
const FIRST_INDEX = 0x0200_0000;

/** Every slot the accepted contents need, and no more. */
const SLOTS = CODECS.length * PER_CODEC + TRANSACTIONS * PER_TRANSACTION;

export class ForeignBatches {
  private readonly stage: Stage;
  private readonly seed: number;
  private readonly batchId: string;
  private readonly accepted = new Map<string, string>();
  private readonly takenBack = new Set<string>();
  private made = 0;
  private bombs = 0;

  constructor(stage: Stage, seed: number) {
    this.stage = stage;
    this.seed = seed;
    this.batchId = seededUuid({ seed, kind: 'batch', batchIndex: FIRST_INDEX, index: 0, copy: 0 });
  }

  /** What has slots for all that is to be accepted; to be sent with any load. */
  registration(): RawInput {
    const maker = new RecordMaker(this.seed, FIRST_INDEX - 1, this.batchId);
    const essayIds = Array.from({ length: SLOTS }, (_, index) => maker.id('essay', index));
    const value = maker.registration({ entity_id: this.batchId, expected_essay_count: SLOTS, essay_ids: essayIds });
    return this.raw('registration', this.batchId, value);
  }

  /** Transactions last: the partitions then end in markers. */
  async send(): Promise<void> {
    const { kafka, sandbox } = this.stage.deps;
    const producer = kafka.producer({ allowAutoTopicCreation: false });
    await producer.connect();
    try {
      for (const [codec, compression] of CODECS) {
        const inputs = Array.from({ length: PER_CODEC }, () => this.content(codec));
        await this.sendAll(producer, compression, inputs);
      }
      for (const compression of BOMBS) {
        const bomb = this.raw('content', `bomb-${this.bombs++}`, 'x'.repeat(BOMB_BYTES));
        await this.sendAll(producer, compression, [bomb]);
      }
    } finally {
      await producer.disconnect();
    }
    await this.sendInTransactions(`${sandbox.addresses.topicPrefix}foreign`);
  }

  /** What was accepted has a place, what was taken back has none, each bomb is one letter. */
  async judge(directory: RunDirectory): Promise<void> {
    const placed = new Set<string>();
    for (const table of ['slots', 'excess_contents', 'pending_inputs'] as const) {
      for await (const row of directory.readTable(table)) placed.add(String(row['text_storage_id'] ?? row['identity']));
    }
    const undecodable = new Set<string>();
    for await (const { headers } of directory.readTopic('dlq')) {
      if (headers['dlq-reason'] === 'undecodable_batch') {
        undecodable.add(`${headers['dlq-topic']}/${headers['dlq-partition']}@${headers['dlq-offset']}`);
      }
    }
    const lost = [...this.accepted].filter(([id]) => !placed.has(id));
    const seen = [...this.takenBack].filter((id) => placed.has(id));
    const problems = [
      ...lost.map(([id, how]) => ({ message: `content ${id}, sent with ${how}, has no place` })),
      ...seen.map((id) => ({ message: `content ${id} of an aborted transaction has a place` })),
      ...(undecodable.size === this.bombs
        ? []
        : [{ message: `${this.bombs} bombs were sent, ${undecodable.size} batches were set aside as undecodable` }]),
    ];
    this.stage.findings.checks.push({
      id: 'foreign-batches',
      title: 'Records are read in any codec and of committed transactions alone; bombs are set aside',
      verdict: problems.length === 0,
      judged: this.accepted.size + this.takenBack.size + this.bombs,
      problemCount: problems.length,
      problems: problems.slice(0, 20),
    });
  }

  private async sendInTransactions(transactionalId: string): Promise<void> {
    const { kafka, sandbox } = this.stage.deps;
    const producer = kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    try {
      for (let turn = 0; turn < 2 * TRANSACTIONS; turn++) {
        const isCommitted = turn % 2 === 0;
        const inputs = Array.from({ length: PER_TRANSACTION }, () => this.content(isCommitted ? 'a commit' : null));
        const transaction = await producer.transaction();
        if (isCommitted) this.note('sending', inputs);
        await transaction.send({ topic: sandbox.topics.content, messages: inputs.map(messageOf) });
        await (isCommitted ? transaction.commit() : transaction.abort());
        if (isCommitted) this.note('acknowledged', inputs);
      }
    } finally {
      await producer.disconnect();
    }
  }

  private async sendAll(producer: Producer, compression: CompressionTypes, inputs: readonly RawInput[]): Promise<void> {
    this.note('sending', inputs);
    const { topics } = this.stage.deps.sandbox;
    await producer.send({ topic: topics.content, compression, messages: inputs.map(messageOf) });
    this.note('acknowledged', inputs);
  }

  private note(step: 'sending' | 'acknowledged', inputs: readonly RawInput[]): void {
    const { journal } = this.stage.deps;
    const dueAtMs = Date.now();
    if (step === 'acknowledged') journal.acknowledged(inputs.map((input) => ({ input, dueAtMs })));
    else for (const input of inputs) journal.sending(input, dueAtMs);
  }

  /** Without a word of how it is sent it is to be taken back. */
  private content(how: string | null): RawInput {
    const maker = new RecordMaker(this.seed, FIRST_INDEX + this.made++, this.batchId);
    const id = maker.id('text');
    if (how === null) this.takenBack.add(id);
    else this.accepted.set(id, how);
    return this.raw('content', maker.id('upload'), maker.content());
  }

  private raw(topic: RawInput['topic'], key: string, value: string): RawInput {
    const { batchId } = this;
    return { kind: 'raw', dueMs: 0, batchId, topic, key, value, headers: {}, makesCompletable: false };
  }
}

function messageOf({ key, value }: RawInput) {
  return { key, value };
}
