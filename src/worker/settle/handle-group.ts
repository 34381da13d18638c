/**
 * Resolves a group of records: each ends in one disposition that is committed in the database, in the dead-letter topic
 * with an acknowledgement, in `retry`, or parked with its batch. Known failures become resolutions; anything unknown is
 * a bug and rises. Nobody waits for the dead-letter topic but the records that go there.
 *
 *     records ─ decode ─┬─ batch is parked ─ parked ────────┐
 *                       ├─ registrations ─ RegisterBatches ─┤
 *                       ├─ contents, failures ─ hints ─ AssignInputs ─ one resolution per record
 *                       └─ what cannot be used ─ dead letters, awaited
 */

import type { DeadLetterReason } from '../../contract/dead-letter-reasons.ts';
import type { BatchStore } from '../../domain/batch-store.ts';
import type { Disposition, Input, Registration, SlotInput } from '../../domain/inputs.ts';
import type { Doorbell, HintStore, InboundRecord, MessagePublisher } from '../../domain/ports.ts';
import { AppError, describeError } from '../../errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { partsOf } from '../../telemetry/trace-context.ts';
import type { GroupTrace, Tracing } from '../../telemetry/tracing.ts';
import { answerAt } from './answers.ts';
import type { AssignInputs } from './assign-inputs.ts';
import { type DecodeLimits, decodeRecord } from './decode.ts';
import { Group, type InputIdentity, type Rejection, type Work } from './group.ts';
import type { ParkedBatches } from './parked-batches.ts';
import type { RegisterBatches } from './register-batches.ts';
import type { Answered, Resolution } from './resolution.ts';
import type { UnknownEvents } from './unknown-events.ts';

export interface HandleGroupDeps {
  readonly registerBatches: RegisterBatches;
  readonly assignInputs: AssignInputs;
  readonly parked: ParkedBatches;
  readonly unknownEvents: Pick<UnknownEvents, 'passOver'>;
  readonly batches: Pick<BatchStore, 'known'>;
  readonly hints: HintStore;
  readonly doorbell: Doorbell;
  readonly publisher: MessagePublisher;
  readonly limits: DecodeLimits;
  /** The contract's name of a topic, for metric labels. */
  readonly topicLabel: (topic: string) => string;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly log: Logger;
}

/** Asked for every input, hints cost more than they save; duplicates come in swarms, after a start or a repeated send. */
const HINTS_ASKED_MS = 10_000;

const PENDING_FULL = 'as many inputs as are kept wait for the registration of its batch: see PENDING_PER_BATCH_MAX';

export class HandleGroup {
  private readonly deps: HandleGroupDeps;
  /** When an input was last found to be a duplicate; at first, now. */
  private duplicateAtMs = performance.now();

  constructor(deps: HandleGroupDeps) {
    this.deps = deps;
  }

  /** Answers parallel to the records. */
  async handle(records: readonly InboundRecord[]): Promise<Answered[]> {
    const group = new Group(records);
    const trace = this.deps.tracing.beginGroup(records.length);
    for (let index = 0; index < records.length; index += 1) this.sort(group, index, trace);
    await (trace === undefined ? this.settle(group) : trace.run(() => this.settle(group)));
    const letters = group.rejections.length === 0 ? undefined : this.publishDeadLetters(group.rejections);
    if (letters !== undefined) for (const { index } of group.rejections) group.resolutions.await(index, letters);
    const answers = this.conclude(group);
    if (trace !== undefined) void this.endTrace(trace, answers);
    return answers;
  }

  /** Sends a record to its dead-letter topic without looking into it. */
  async setAside(
    record: InboundRecord,
    reason: DeadLetterReason,
    detail: string,
    attempts: number,
  ): Promise<Resolution> {
    return this.publishDeadLetters([{ index: 0, letter: { record, reason, detail, attempts }, about: undefined }]);
  }

  /** A span ends when its record is done with. A failure is for who awaits the record. */
  private async endTrace(trace: GroupTrace, answers: readonly Answered[]): Promise<void> {
    const settled = await Promise.allSettled(
      answers.map((answer) => (answer.kind === 'awaited' ? answer.resolution : answer)),
    );
    trace.end((index) => {
      const answer = answerAt(settled, index);
      return answer.status === 'fulfilled' ? outcomeOf(answer.value) : new Error(String(answer.reason));
    });
  }

  private sort(group: Group, index: number, trace: GroupTrace | undefined): void {
    const record = group.resolutions.recordAt(index);
    const decoded = decodeRecord(record, this.deps.limits);
    if (decoded.kind === 'ignored') group.resolutions.resolve(index, this.deps.unknownEvents.passOver(decoded, record));
    else if (decoded.kind === 'rejected') group.reject(index, decoded.reason, decoded.detail, decoded.about);
    else if (this.deps.parked.isParked(decoded.input.batchId)) group.resolutions.park(index, decoded.input.batchId);
    else if (decoded.input.kind === 'registration') {
      const input = trace === undefined ? decoded.input : traced(trace, index, record, decoded.input);
      group.registrations.push({ index, eventId: decoded.eventId, input });
    } else {
      const input = trace === undefined ? decoded.input : traced(trace, index, record, decoded.input);
      group.slotInputs.push({ index, eventId: decoded.eventId, input });
    }
  }

  private async settle(group: Group): Promise<void> {
    await this.register(group, group.registrations);
    await this.assign(group, await this.withoutConfirmed(group));
  }

  private async register(group: Group, work: readonly Work<Registration>[]): Promise<void> {
    if (work.length === 0) return;
    await this.isolating(group, work, async (some) => {
      const outcomes = await this.deps.registerBatches.register(some.map(({ input }) => input));
      some.forEach(({ index, input }, position) => {
        const outcome = answerAt(outcomes, position);
        if (outcome.kind === 'conflicting') group.reject(index, 'conflicting_registration', outcome.detail, input);
        else if (outcome.kind === 'busy') group.resolutions.park(index, input.batchId);
        else group.resolutions.resolve(index, outcome.kind === 'registered' ? 'registered' : 'duplicate');
      });
      const registered = some.filter((_, position) => answerAt(outcomes, position).kind === 'registered');
      this.deps.doorbell.ring(registered.map(({ input }) => input.batchId));
    });
  }

  private async assign(group: Group, work: readonly Work<SlotInput>[]): Promise<void> {
    if (work.length === 0) return;
    await this.isolating(group, work, async (some) => {
      const answers = await this.deps.assignInputs.assign(some.map(({ input }) => input));
      const settled: string[] = [];
      const changed = new Set<string>();
      for (const [position, { index, input, eventId }] of some.entries()) {
        const answer = answerAt(answers, position);
        if (answer === 'busy') group.resolutions.park(index, input.batchId);
        else if (answer === 'full') group.reject(index, 'pending_full', PENDING_FULL, input);
        else {
          group.resolutions.resolve(index, answer);
          if (answer === 'duplicate') this.duplicateAtMs = performance.now();
          settled.push(eventId);
          changed.add(input.batchId);
        }
      }
      this.deps.hints.remember(settled);
      this.deps.doorbell.ring([...changed]);
    });
  }

  /** Resolves as duplicates the inputs that a hint names and the database knows. A hint only says whom to look up. */
  private async withoutConfirmed(group: Group): Promise<readonly Work<SlotInput>[]> {
    // A batch whose registration has just been parked, too: what comes for it keeps its order.
    const work = group.slotInputs.filter(({ index, input }) => {
      const isParked = this.deps.parked.isParked(input.batchId);
      if (isParked) group.resolutions.park(index, input.batchId);
      return !isParked;
    });
    if (work.length === 0 || performance.now() - this.duplicateAtMs > HINTS_ASKED_MS) return work;
    const hinted = await this.deps.hints.seen(work.map(({ eventId }) => eventId));
    const candidates = work.filter((_, position) => answerAt(hinted, position));
    this.deps.metrics.hints.inc({ result: 'absent' }, work.length - candidates.length);
    if (candidates.length === 0) return work;
    const confirmed = await this.confirm(candidates);
    this.deps.metrics.hints.inc({ result: 'confirmed' }, confirmed.size);
    this.deps.metrics.hints.inc({ result: 'refuted' }, candidates.length - confirmed.size);
    if (confirmed.size > 0) this.duplicateAtMs = performance.now();
    for (const index of confirmed) group.resolutions.resolve(index, 'duplicate');
    return work.filter(({ index }) => !confirmed.has(index));
  }

  /** The indexes of those that the database knows; none when it does not answer. */
  private async confirm(candidates: readonly Work<SlotInput>[]): Promise<Set<number>> {
    try {
      const known = await this.deps.batches.known(candidates.map(({ input }) => input));
      return new Set(candidates.filter((_, position) => answerAt(known, position)).map(({ index }) => index));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      // The inputs go the ordinary way, which handles errors of the same database.
      this.deps.log.debug({ err: error }, 'hints could not be confirmed');
      return new Set();
    }
  }

  /**
   * Settles some inputs; when the database refuses their data for good, halves them until the one record to blame is
   * alone and can be set aside, so that it costs the others a few more transactions and nothing else.
   */
  private async isolating<T extends Input>(
    group: Group,
    some: readonly Work<T>[],
    settle: (some: readonly Work<T>[]) => Promise<void>,
  ): Promise<void> {
    try {
      await settle(some);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const [only] = some.length === 1 ? some : [];
      if (error.code !== 'STORE_REFUSED') {
        const which = only !== undefined && inputFields(group.resolutions.recordAt(only.index), only.input);
        this.deps.log.warn({ err: error, count: some.length, ...which }, 'inputs must wait');
        for (const { index } of some) group.resolutions.retry(index, error);
      } else if (only !== undefined) {
        group.reject(only.index, 'invalid_payload', describeError(error), only.input);
      } else {
        const middle = Math.ceil(some.length / 2);
        await this.isolating(group, some.slice(0, middle), settle);
        await this.isolating(group, some.slice(middle), settle);
      }
    }
  }

  /** All letters of a group come to the same. */
  private async publishDeadLetters(rejections: readonly Rejection[]): Promise<Resolution> {
    try {
      await this.deps.publisher.publishDeadLetters(rejections.map(({ letter }) => letter));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.deps.log.warn({ err: error, count: rejections.length }, 'dead letters must wait');
      return { kind: 'retry', error };
    }
    for (const { letter, about } of rejections) {
      this.deps.metrics.inputs.inc({ topic: this.deps.topicLabel(letter.record.topic), disposition: 'rejected' });
      const fields = { ...inputFields(letter.record, about), reason: letter.reason, detail: letter.detail };
      this.deps.log.warn(fields, 'record set aside');
    }
    return { kind: 'resolved', disposition: 'rejected' };
  }

  /** Counts and logs what became of the records. */
  private conclude(group: Group): Answered[] {
    const { resolutions } = group;
    const counts = new Map<string, Map<Disposition, number>>();
    resolutions.records.forEach(({ topic }, index) => {
      const disposition = resolutions.dispositionAt(index);
      if (disposition === undefined) return;
      const ofTopic = counts.get(topic) ?? new Map<Disposition, number>();
      counts.set(topic, ofTopic.set(disposition, (ofTopic.get(disposition) ?? 0) + 1));
    });
    for (const [topic, ofTopic] of counts) {
      const label = this.deps.topicLabel(topic);
      for (const [disposition, count] of ofTopic) this.deps.metrics.inputs.inc({ topic: label, disposition }, count);
    }
    if (this.deps.log.isLevelEnabled('debug')) this.logInputs(group);
    return resolutions.all();
  }

  /** A line per settled input. Rejected ones have a warning already; those that must wait come again. */
  private logInputs({ registrations, slotInputs, resolutions }: Group): void {
    for (const { index, input } of [...registrations, ...slotInputs]) {
      const disposition = resolutions.dispositionAt(index);
      if (disposition === undefined) continue;
      this.deps.log.debug({ ...inputFields(resolutions.recordAt(index), input), disposition }, 'input resolved');
    }
  }
}

/** The input with the trace context of its own span, so that the events it causes continue that span. */
function traced<T extends Input>(trace: GroupTrace, index: number, record: InboundRecord, input: T): T {
  return { ...input, ...trace.begin(index, record, input, input.correlationId) };
}

function outcomeOf(resolution: Resolution): string | Error {
  if (resolution.kind === 'resolved') return resolution.disposition;
  return resolution.kind === 'retry' ? resolution.error : resolution.kind;
}

/**
 * The fields by which a log line about one input is found: where its record lies in Kafka, its batch, its correlation
 * and its trace. Ids only; names, texts and whatever else people wrote never reach a log.
 */
function inputFields(record: InboundRecord, identity?: InputIdentity): Record<string, unknown> {
  const { topic, partition, offset } = record;
  if (identity === undefined) return { topic, partition, offset };
  const { batchId, correlationId, traceparent } = identity;
  const traceId = traceparent === null ? undefined : partsOf(traceparent).traceId;
  return { topic, partition, offset, batchId, correlationId, traceId };
}
