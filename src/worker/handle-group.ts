import type { RegistrationOutcome } from '../domain/batch-store.ts';
import type { Disposition, Registration, SlotInput } from '../domain/inputs.ts';
import type { DeadLetter, DeadLetterReason, HintStore, InboundRecord, MessagePublisher } from '../domain/ports.ts';
import { AppError, describeError } from '../errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { type DecodeLimits, decodeRecord } from './decode.ts';
import type { GroupHandler, Resolution } from './resolution.ts';

export interface HandleGroupDeps {
  readonly register: (registrations: readonly Registration[]) => Promise<RegistrationOutcome[]>;
  readonly assign: (inputs: readonly SlotInput[]) => Promise<Disposition[]>;
  /** Read-only: which inputs have a disposition already. */
  readonly known: (inputs: readonly SlotInput[]) => Promise<boolean[]>;
  readonly hints: HintStore;
  readonly publisher: MessagePublisher;
  readonly limits: DecodeLimits;
  /** The contract's name of a topic, for metric labels. */
  readonly topicLabel: (topic: string) => string;
  readonly metrics: Metrics;
  readonly log: Logger;
}

interface Work<T> {
  readonly index: number;
  readonly eventId: string;
  readonly input: T;
}

/**
 * Resolves a group of records: each ends in one disposition that is committed in the database, in the dead-letter topic
 * with an acknowledgement, or in `retry`. Known failures become resolutions; anything unknown is a bug and rises.
 */
export class HandleGroup implements GroupHandler {
  private readonly deps: HandleGroupDeps;

  constructor(deps: HandleGroupDeps) {
    this.deps = deps;
  }

  async handle(records: readonly InboundRecord[]): Promise<Resolution[]> {
    const group = new Group(records);
    for (let index = 0; index < records.length; index += 1) this.sort(group, index);
    await this.register(group, group.registrations);
    await this.assign(group, await this.withoutConfirmed(group));
    await this.publishDeadLetters(group);
    this.finish(group);
    return group.resolutions.map((resolution) => resolution ?? retry(new Error('record was left unresolved')));
  }

  async setAside(
    record: InboundRecord,
    reason: DeadLetterReason,
    detail: string,
    attempts: number,
  ): Promise<Resolution> {
    const group = new Group([record]);
    group.deadLetters.push({ index: 0, letter: { record, reason, detail, attempts } });
    await this.publishDeadLetters(group);
    this.finish(group);
    return group.resolutions[0] ?? retry(new Error('record was left unresolved'));
  }

  private sort(group: Group, index: number): void {
    const record = group.recordAt(index);
    const decoded = decodeRecord(record, this.deps.limits);
    if (decoded.kind === 'ignored') group.resolve(index, 'ignored');
    else if (decoded.kind === 'rejected') group.reject(index, decoded.reason, decoded.detail);
    else if (decoded.input.kind === 'registration') {
      group.registrations.push({ index, eventId: decoded.eventId, input: decoded.input });
    } else {
      group.slotInputs.push({ index, eventId: decoded.eventId, input: decoded.input });
    }
  }

  private async register(group: Group, work: readonly Work<Registration>[]): Promise<void> {
    if (work.length === 0) return;
    await this.isolating(group, work, async (part) => {
      const outcomes = await this.deps.register(part.map(({ input }) => input));
      part.forEach(({ index }, position) => {
        const outcome = outcomes[position];
        if (outcome?.kind === 'conflicting') group.reject(index, 'conflicting_registration', outcome.detail);
        else group.resolve(index, outcome?.kind === 'registered' ? 'registered' : 'duplicate');
      });
    });
  }

  private async assign(group: Group, work: readonly Work<SlotInput>[]): Promise<void> {
    if (work.length === 0) return;
    await this.isolating(group, work, async (part) => {
      const dispositions = await this.deps.assign(part.map(({ input }) => input));
      part.forEach(({ index }, position) => {
        group.resolve(index, dispositions[position] ?? 'duplicate');
      });
      this.deps.hints.remember(part.map(({ eventId }) => eventId));
    });
  }

  /** Resolves what a hint and the database agree on; the database alone decides, the hint only asks it cheaply. */
  private async withoutConfirmed(group: Group): Promise<Work<SlotInput>[]> {
    const work = group.slotInputs;
    if (work.length === 0) return work;
    const hinted = await this.deps.hints.seen(work.map(({ eventId }) => eventId));
    const candidates = work.filter((_, position) => hinted[position]);
    this.deps.metrics.hints.inc({ result: 'absent' }, work.length - candidates.length);
    if (candidates.length === 0) return work;
    const confirmed = new Set<number>();
    try {
      const known = await this.deps.known(candidates.map(({ input }) => input));
      candidates.forEach(({ index }, position) => {
        if (known[position]) confirmed.add(index);
      });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      // The ordinary path asks the same database and knows what to do about its errors.
      this.deps.log.debug({ err: error }, 'hints could not be confirmed');
    }
    this.deps.metrics.hints.inc({ result: 'confirmed' }, confirmed.size);
    this.deps.metrics.hints.inc({ result: 'refuted' }, candidates.length - confirmed.size);
    for (const index of confirmed) group.resolve(index, 'duplicate');
    return work.filter(({ index }) => !confirmed.has(index));
  }

  /**
   * Runs a part; when the database refuses its data for good, halves it until the one record to blame is alone and can
   * be set aside, so that it costs the others a few more transactions and nothing else.
   */
  private async isolating<T>(
    group: Group,
    part: readonly Work<T>[],
    run: (part: readonly Work<T>[]) => Promise<void>,
  ): Promise<void> {
    try {
      await run(part);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const [only] = part;
      if (error.code !== 'STORE_REFUSED') {
        this.deps.log.warn({ err: error, count: part.length }, 'inputs must wait');
        for (const { index } of part) group.resolutions[index] = retry(error);
      } else if (part.length === 1 && only !== undefined) {
        group.reject(only.index, 'invalid_payload', describeError(error));
      } else {
        const middle = Math.ceil(part.length / 2);
        await this.isolating(group, part.slice(0, middle), run);
        await this.isolating(group, part.slice(middle), run);
      }
    }
  }

  private async publishDeadLetters(group: Group): Promise<void> {
    if (group.deadLetters.length === 0) return;
    try {
      await this.deps.publisher.publishDeadLetters(group.deadLetters.map(({ letter }) => letter));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.deps.log.warn({ err: error, count: group.deadLetters.length }, 'dead letters must wait');
      for (const { index } of group.deadLetters) group.resolutions[index] = retry(error);
      return;
    }
    for (const { index, letter } of group.deadLetters) {
      group.resolve(index, 'rejected');
      const { topic, partition, offset } = letter.record;
      const fields = { topic, partition, offset, reason: letter.reason, detail: letter.detail };
      this.deps.log.warn(fields, 'record set aside');
    }
  }

  private finish(group: Group): void {
    const counts = new Map<string, number>();
    group.resolutions.forEach((resolution, index) => {
      if (resolution?.kind !== 'resolved') return;
      const key = `${group.recordAt(index).topic}\u0000${resolution.disposition}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    });
    for (const [key, count] of counts) {
      const [topic = '', disposition = ''] = key.split('\u0000');
      this.deps.metrics.inputs.inc({ topic: this.deps.topicLabel(topic), disposition }, count);
    }
  }
}

/** The records of one call and what has become of each so far. */
class Group {
  readonly resolutions: (Resolution | undefined)[];
  readonly registrations: Work<Registration>[] = [];
  readonly slotInputs: Work<SlotInput>[] = [];
  readonly deadLetters: { index: number; letter: DeadLetter }[] = [];
  private readonly records: readonly InboundRecord[];

  constructor(records: readonly InboundRecord[]) {
    this.records = records;
    this.resolutions = new Array<Resolution | undefined>(records.length).fill(undefined);
  }

  recordAt(index: number): InboundRecord {
    const record = this.records[index];
    if (record === undefined) throw new RangeError(`group has no record ${index}`);
    return record;
  }

  resolve(index: number, disposition: Disposition): void {
    this.resolutions[index] = { kind: 'resolved', disposition };
  }

  reject(index: number, reason: DeadLetterReason, detail: string): void {
    this.deadLetters.push({ index, letter: { record: this.recordAt(index), reason, detail, attempts: 1 } });
  }
}

function retry(error: Error): Resolution {
  return { kind: 'retry', error };
}
