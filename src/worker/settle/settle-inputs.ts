/**
 * Settles a group of inputs within one transaction: claims slots, decides about each input, records what was decided,
 * and writes every event it causes to the outbox, completions included. All of it happens or none. An input that cannot
 * be decided now is left as it was and says why. Identities must be distinct within the group. Where nothing else follows
 * in the transaction, the commit goes with the last row of the outbox, so that batches are held no longer than needed.
 */
import { completedMessage, excessMessage, slotAssignedMessage } from '../../contract/outbound.ts';
import type { Topics } from '../../contract/topics.ts';
import type { BatchStore, BatchTransaction, Claim, PendingOutcome } from '../../domain/batch-store.ts';
import { type Decision, decide } from '../../domain/decide.ts';
import type { Content, Disposition, Failure, SlotInput } from '../../domain/inputs.ts';
import type { Clock, OutboundMessage, OutboxRow } from '../../domain/ports.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { OutboxSink } from '../outbox/outbox-relay.ts';
import { answerAt } from './answers.ts';

/** About 500 essays in one completion. */
const SHARED_ROW_VALUE_LENGTH_MAX = 64 * 1024;

export interface SettleContext {
  readonly topics: Topics;
  readonly instance: string;
  readonly clock: Clock;
}

/** What a use case that settles inputs works with. */
export interface SettlingDeps {
  readonly store: BatchStore;
  readonly context: SettleContext;
  readonly metrics: Metrics;
  /** Is given the outbox rows of a transaction once it has committed. */
  readonly outbox: OutboxSink;
}

/**
 * What an input came to in one transaction: a disposition, or why it has none yet. absent: no row of its batch exists to
 * meet a registration on. busy: somebody else holds its batch. full: so many wait for the batch that it is not kept.
 */
export type Answer = Disposition | 'absent' | 'busy' | 'full';

export interface Settled<Each = Answer> {
  /** Parallel to the inputs. */
  readonly answers: Each[];
  /** Versions of the batches that were busy, by which a later look tells whether they were only held or changed. */
  readonly busyVersions: ReadonlyMap<string, number>;
  /** Rows written by this transaction: to be published once it has committed. */
  readonly rows: OutboxRow[];
}

export async function settleInputs(
  tx: BatchTransaction,
  inputs: readonly SlotInput[],
  context: SettleContext,
  isLast = false,
): Promise<Settled> {
  const claims = await tx.claimSlots(inputs, context.instance);
  const decisions = inputs.map((input, index) => decide(input, answerAt(claims, index)));
  const recorded = await record(tx, inputs, claims, decisions);
  const messages: OutboundMessage[] = [];
  const occurredAtMs = context.clock.nowMs();
  const completing = new Map<string, number | undefined>();
  const busyVersions = new Map<string, number>();
  const answers = inputs.map((input, index): Answer => {
    const claim = answerAt(claims, index);
    if (claim.essayId !== null && claim.batchState === 'complete') {
      completing.set(input.batchId, later(completing.get(input.batchId), input.receivedAtMs));
    }
    const answer = answerOf(answerAt(decisions, index), answerAt(recorded, index));
    if (answer === 'busy' && claim.versionSeen !== null) busyVersions.set(input.batchId, claim.versionSeen);
    if (input.kind === 'content') announce(messages, input, claim, answer, context.topics, occurredAtMs);
    return answer;
  });
  if (completing.size > 0) messages.push(...(await completionsOf(tx, [...completing.keys()], context)));
  const receivedAtMsOf = (batchId: string) => completing.get(batchId);
  const rows = await appendMessages(tx, messages, context, { receivedAtMsOf, isLast });
  return { answers, busyVersions, rows };
}

/**
 * Settles contents in one statement that commits by itself. null: what is to become of the input takes a transaction,
 * and it was left as it was.
 */
export async function assignContents(
  store: Pick<BatchStore, 'assignContents'>,
  contents: readonly Content[],
  { topics, instance, clock }: SettleContext,
): Promise<Settled<Answer | null>> {
  const assignment = { topics, occurredAtMs: clock.nowMs(), assignedBy: instance };
  const { claims, rows } = await store.assignContents(contents, assignment);
  const completing = new Map<string, number | undefined>();
  const busyVersions = new Map<string, number>();
  const answers = contents.map((content, index): Answer | null => {
    const claim = answerAt(claims, index);
    if (claim.essayId !== null && claim.batchState === 'complete') {
      completing.set(content.batchId, later(completing.get(content.batchId), content.receivedAtMs));
    }
    const decision = decide(content, claim);
    if (decision === 'busy' && claim.versionSeen !== null) busyVersions.set(content.batchId, claim.versionSeen);
    return decision === 'excess' || decision === 'pending' ? null : answerOf(decision, 'recorded');
  });
  const timed = rows.map((row) => ({ ...row, completersReceivedAtMs: completersOf(row.messages, topics, completing) }));
  return { answers, busyVersions, rows: timed };
}

function completersOf(
  messages: readonly OutboundMessage[],
  topics: Topics,
  completing: ReadonlyMap<string, number | undefined>,
): number[] {
  const completed = messages.filter(({ topic }) => topic === topics.completed);
  return completed.map(({ key }) => completing.get(key)).filter((atMs) => atMs !== undefined);
}

function later(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other);
}

/** Completions of batches that this transaction holds and has completed, from a fresh look at their slots. */
export async function completionsOf(
  tx: BatchTransaction,
  batchIds: readonly string[],
  { topics, clock }: SettleContext,
): Promise<OutboundMessage[]> {
  const completions = await tx.readCompletions(batchIds);
  const occurredAtMs = clock.nowMs();
  return completions.map((completion) => completedMessage({ topics, ...completion, occurredAtMs }));
}

interface AppendOptions {
  /** Of the input that completed the batch. */
  readonly receivedAtMsOf?: (completedBatchId: string) => number | undefined;
  /** Nothing follows in the transaction. */
  readonly isLast?: boolean;
}

/** One outbox row for all messages; a large one has a row of its own, so that only itself waits if it is refused. */
export async function appendMessages(
  tx: BatchTransaction,
  messages: readonly OutboundMessage[],
  { topics }: SettleContext,
  { receivedAtMsOf = () => undefined, isLast = false }: AppendOptions = {},
): Promise<OutboxRow[]> {
  const isLarge = ({ value }: OutboundMessage) => value.length > SHARED_ROW_VALUE_LENGTH_MAX;
  const small = messages.filter((message) => !isLarge(message));
  const shares = [...(small.length > 0 ? [small] : []), ...messages.filter(isLarge).map((message) => [message])];
  const rows: OutboxRow[] = [];
  for (const [index, share] of shares.entries()) {
    const completed = share.filter(({ topic }) => topic === topics.completed).map(({ key }) => key);
    const completersReceivedAtMs = completed.map(receivedAtMsOf).filter((atMs) => atMs !== undefined);
    const row = await tx.appendOutbox(share, completed, isLast && index === shares.length - 1);
    rows.push({ ...row, completersReceivedAtMs });
  }
  return rows;
}

/** Stores failures, excess and pending inputs; answers per input what came of it (recorded where nothing is stored). */
async function record(
  tx: BatchTransaction,
  inputs: readonly SlotInput[],
  claims: readonly Claim[],
  decisions: readonly Decision[],
): Promise<PendingOutcome[]> {
  const outcomes = new Array<PendingOutcome>(inputs.length).fill('recorded');
  const failures: { failure: Failure; essayId: string | null; index: number }[] = [];
  const excess: { content: Content; index: number }[] = [];
  const pending: { input: SlotInput; index: number }[] = [];
  inputs.forEach((input, index) => {
    const decision = answerAt(decisions, index);
    if (decision === 'pending') pending.push({ input, index });
    else if (input.kind === 'content') {
      if (decision === 'excess') excess.push({ content: input, index });
    } else if (decision === 'burnt' || decision === 'unburnt') {
      failures.push({ failure: input, essayId: answerAt(claims, index).essayId, index });
    }
  });
  const note = (recorded: readonly { index: number }[], answers: readonly (boolean | PendingOutcome)[]): void => {
    recorded.forEach(({ index }, position) => {
      const answer = answerAt(answers, position);
      outcomes[index] = typeof answer === 'boolean' ? (answer ? 'recorded' : 'repeated') : answer;
    });
  };
  if (failures.length > 0) note(failures, await tx.recordFailures(failures));
  if (excess.length > 0) note(excess, await tx.recordExcess(excess.map(({ content }) => content)));
  if (pending.length > 0) note(pending, await tx.recordPending(pending.map(({ input }) => input)));
  return outcomes;
}

function answerOf(decision: Decision, recorded: PendingOutcome): Answer {
  if (recorded === 'full') return 'full';
  const isNew = recorded === 'recorded';
  switch (decision) {
    case 'assigned':
      return 'assigned';
    case 'known':
      return 'duplicate';
    case 'burnt':
    case 'unburnt':
      return isNew ? 'failed' : 'duplicate';
    case 'excess':
      return isNew ? 'excess' : 'duplicate';
    case 'pending':
      return isNew ? 'pending' : 'duplicate';
    case 'absent':
    case 'busy':
      return decision;
  }
}

function announce(
  messages: OutboundMessage[],
  content: Content,
  claim: Claim,
  answer: Answer,
  topics: Topics,
  occurredAtMs: number,
): void {
  const shared = { topics, ...content, occurredAtMs };
  if (answer === 'assigned' && claim.essayId !== null) {
    messages.push(slotAssignedMessage({ ...shared, essayId: claim.essayId }));
  } else if (answer === 'excess') {
    messages.push(excessMessage(shared));
  }
}
