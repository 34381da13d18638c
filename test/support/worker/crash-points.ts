/**
 * Watches each step of a worker's work from outside, so that the harness can have the process end itself at one of them
 * (`distributed/nemesis/crash-points.ts`). Nothing but the watching is not the product's. Does nothing where the harness
 * has not named a folder.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { DependencyContainer } from 'tsyringe';
import {
  CRASH_POINT_FOLDER,
  CRASH_POINT_SIGNAL,
  type CrashPoint,
  crashPointFile,
} from '../../../distributed/nemesis/crash-points.ts';
import { HotDatabase } from '../../../src/composition/adapters.ts';
import { KafkaMessagePublisher } from '../../../src/kafka/message-publisher.ts';
import { KafkaRecordSource } from '../../../src/kafka/record-source.ts';
import type { Database, TransactionSession } from '../../../src/postgres/database.ts';
import { PostgresOutboxStore } from '../../../src/postgres/outbox-store.ts';
import { PostgresPartitionProgressStore } from '../../../src/postgres/partition-progress-store.ts';
import { RedisHintStore } from '../../../src/redis/hint-store.ts';
import { Intake } from '../../../src/worker/intake/intake.ts';
import { OutboxRelay } from '../../../src/worker/outbox/outbox-relay.ts';

/** What was sent is on its way, and an answer not yet there. */
const UNDER_WAY_MS = 1;

let armed: CrashPoint | undefined;
let file = '';

export function watchCrashPoints(container: DependencyContainer): void {
  const folder = process.env[CRASH_POINT_FOLDER];
  if (folder === undefined) return;
  file = crashPointFile(folder, process.env['INSTANCE_ID'] ?? '');
  process.on(CRASH_POINT_SIGNAL, () => {
    armed = JSON.parse(readFileSync(file, 'utf8')).point;
  });
  watchIntake(container);
  watchDatabase(container.resolve(HotDatabase));
  watchOutbox(container);
}

/** No farewell: nothing of the process runs after it. */
function reached(point: CrashPoint | undefined): void {
  if (point === undefined || point !== armed) return;
  writeFileSync(file, JSON.stringify({ point, pid: process.pid }));
  process.kill(process.pid, 'SIGKILL');
  throw new Error('still alive');
}

interface Steps<Result> {
  readonly before?: CrashPoint;
  /** Sent, and not answered a moment later. */
  readonly underWay?: CrashPoint;
  readonly after?: CrashPoint;
  /** A moment after it, in what comes next. */
  readonly soonAfter?: CrashPoint;
  /** Whether anything was done that counts. */
  readonly counts?: (result: Result) => boolean;
}

async function stepping<Result>(steps: Steps<Result>, call: () => Promise<Result>): Promise<Result> {
  reached(steps.before);
  const timer = setTimeout(() => reached(steps.underWay), UNDER_WAY_MS);
  const result = await call().finally(() => clearTimeout(timer));
  if (steps.counts?.(result) === false) return result;
  reached(steps.after);
  if (steps.soonAfter !== undefined) setTimeout(() => reached(steps.soonAfter), UNDER_WAY_MS);
  return result;
}

function watchIntake(container: DependencyContainer): void {
  const intake = container.resolve(Intake);
  const records = intake.records.bind(intake);
  intake.records = (epoch, batch) => {
    if (batch.length > 0) reached('records fetched');
    records(epoch, batch);
  };
  const progress = container.resolve(PostgresPartitionProgressStore);
  const mark = progress.mark.bind(progress);
  progress.mark = (stretches) => stepping({ after: 'marked as in hand' }, () => mark(stretches));
  const advance = progress.advance.bind(progress);
  progress.advance = (moves) => {
    const isMove = moves.some(({ offsetFrom, offsetNext }) => offsetNext > offsetFrom);
    if (!isMove) return advance(moves);
    const steps = { before: 'before its position', after: 'position written', soonAfter: 'offsets under way' } as const;
    return stepping(steps, () => advance(moves));
  };
  const source = container.resolve(KafkaRecordSource);
  const commit = source.commit.bind(source);
  source.commit = (epoch, offsets) => stepping({ after: 'offsets committed' }, () => commit(epoch, offsets));
  const leave = source.stop.bind(source);
  source.stop = () => stepping({ before: 'leaving the group' }, leave);
  const hints = container.resolve(RedisHintStore);
  const remember = hints.remember.bind(hints);
  hints.remember = (eventIds) => {
    remember(eventIds);
    if (eventIds.length > 0) setTimeout(() => reached('hints written'), UNDER_WAY_MS);
  };
  const publisher = container.resolve(KafkaMessagePublisher);
  const publishDeadLetters = publisher.publishDeadLetters.bind(publisher);
  publisher.publishDeadLetters = (letters) =>
    stepping({ after: 'dead letter acknowledged' }, () => publishDeadLetters(letters));
}

/** What settles inputs: one statement that commits by itself, or a transaction. */
function watchDatabase(database: Database): void {
  const run = database.run.bind(database);
  database.run = (statement, values) => {
    if (statement.name !== 'assign-contents') return run(statement, values);
    const steps = { before: 'before a statement', underWay: 'assignment under way', after: 'committed' } as const;
    return stepping(steps, () => run(statement, values));
  };
  const transaction = database.transaction.bind(database);
  database.transaction = <T>(work: (session: TransactionSession) => Promise<T>) =>
    stepping<T>({ after: 'committed' }, () =>
      transaction((session) =>
        work({
          run: (statement, values) => stepping({ after: 'before a commit' }, () => session.run(statement, values)),
          runLast: (statement, values) =>
            stepping({ underWay: 'commit under way' }, () => session.runLast(statement, values)),
        }),
      ),
    );
}

function watchOutbox(container: DependencyContainer): void {
  const relay = container.resolve(OutboxRelay);
  const offer = relay.offer.bind(relay);
  relay.offer = (rows, committedAtMs) => {
    if (rows.length > 0) reached('row offered');
    offer(rows, committedAtMs);
  };
  const publisher = container.resolve(KafkaMessagePublisher);
  const publish = publisher.publish.bind(publisher);
  publisher.publish = (destination, messages) => {
    const counts = (errors: readonly (Error | null)[]) => errors.every((error) => error === null);
    const steps = { before: 'before a produce', underWay: 'produce under way', after: 'produced', counts } as const;
    return stepping(steps, () => publish(destination, messages));
  };
  const store = container.resolve(PostgresOutboxStore);
  const markPublished = store.markPublished.bind(store);
  store.markPublished = (ids) => stepping({ underWay: 'mark under way', after: 'marked' }, () => markPublished(ids));
  const claimDue = store.claimDue.bind(store);
  store.claimDue = (rowsMax) =>
    stepping({ before: 'before a take', after: 'rows taken', counts: (rows) => rows.length > 0 }, () =>
      claimDue(rowsMax),
    );
}
