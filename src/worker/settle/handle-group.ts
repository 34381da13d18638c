import type { RegistrationOutcome } from '../../domain/batch-store.ts';
import type { Disposition, Input, Registration, SlotInput } from '../../domain/inputs.ts';
import type { DeadLetter, DeadLetterReason, HintStore, InboundRecord, MessagePublisher } from '../../domain/ports.ts';
import { AppError, describeError } from '../../errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { GroupTrace, Tracing } from '../../telemetry/tracing.ts';
import { type DecodeLimits, decodeRecord } from './decode.ts';
import { type InputIdentity, inputFields } from './input-log.ts';
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
  readonly tracing: Tracing;
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
    const trace = this.deps.tracing.beginGroup(records.length);
    for (let index = 0; index < records.length; index += 1) this.sort(group, index, trace);
    await (trace === undefined ? this.resolve(group) : trace.run(() => this.resolve(group)));
    this.finish(group);
    const resolutions = group.resolutions.map((resolution) => resolution ?? UNRESOLVED);
    trace?.end((index) => outcomeOf(resolutions[index] ?? UNRESOLVED));
    return resolutions;
  }

  private async resolve(group: Group): Promise<void> {
    await this.register(group, group.registrations);
    await this.assign(group, await this.withoutConfirmed(group));
    await this.publishDeadLetters(group);
  }

  async setAside(
    record: InboundRecord,
    reason: DeadLetterReason,
    detail: string,
    attempts: number,
  ): Promise<Resolution> {
    const group = new Group([record]);
    group.deadLetters.push({ index: 0, letter: { record, reason, detail, attempts }, about: undefined });
    await this.publishDeadLetters(group);
    this.finish(group);
    return group.resolutions[0] ?? UNRESOLVED;
  }

  private sort(group: Group, index: number, trace: GroupTrace | undefined): void {
    const record = group.recordAt(index);
    const decoded = decodeRecord(record, this.deps.limits);
    if (decoded.kind === 'ignored') group.resolve(index, 'ignored');
    else if (decoded.kind === 'rejected') group.reject(index, decoded.reason, decoded.detail, decoded.about);
    else if (decoded.input.kind === 'registration') {
      const input = trace === undefined ? decoded.input : traced(trace, index, record, decoded.input);
      group.registrations.push({ index, eventId: decoded.eventId, input });
    } else {
      const input = trace === undefined ? decoded.input : traced(trace, index, record, decoded.input);
      group.slotInputs.push({ index, eventId: decoded.eventId, input });
    }
  }

  private async register(group: Group, work: readonly Work<Registration>[]): Promise<void> {
    if (work.length === 0) return;
    await this.isolating(group, work, async (part) => {
      const outcomes = await this.deps.register(part.map(({ input }) => input));
      part.forEach(({ index, input }, position) => {
        const outcome = outcomes[position];
        if (outcome?.kind === 'conflicting') group.reject(index, 'conflicting_registration', outcome.detail, input);
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
  private async isolating<T extends Input>(
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
        const place = part.length === 1 && only !== undefined && inputFields(group.recordAt(only.index), only.input);
        this.deps.log.warn({ err: error, count: part.length, ...place }, 'inputs must wait');
        for (const { index } of part) group.resolutions[index] = retry(error);
      } else if (part.length === 1 && only !== undefined) {
        group.reject(only.index, 'invalid_payload', describeError(error), only.input);
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
    for (const { index, letter, about } of group.deadLetters) {
      group.resolve(index, 'rejected');
      const fields = { ...inputFields(letter.record, about), reason: letter.reason, detail: letter.detail };
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
    if (this.deps.log.isLevelEnabled('debug')) this.logInputs(group);
  }

  /** What was set aside has a line of its own, what must wait comes again. */
  private logInputs(group: Group): void {
    for (const { index, input } of [...group.registrations, ...group.slotInputs]) {
      const resolution = group.resolutions[index];
      if (resolution?.kind !== 'resolved' || resolution.disposition === 'rejected') continue;
      const fields = { ...inputFields(group.recordAt(index), input), disposition: resolution.disposition };
      this.deps.log.debug(fields, 'input resolved');
    }
  }
}

/** The records of one call and what has become of each so far. */
class Group {
  readonly resolutions: (Resolution | undefined)[];
  readonly registrations: Work<Registration>[] = [];
  readonly slotInputs: Work<SlotInput>[] = [];
  readonly deadLetters: { index: number; letter: DeadLetter; about: InputIdentity | undefined }[] = [];
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

  reject(index: number, reason: DeadLetterReason, detail: string, about: InputIdentity | undefined): void {
    this.deadLetters.push({ index, letter: { record: this.recordAt(index), reason, detail, attempts: 1 }, about });
  }
}

/** The input with the context of its own span: what it causes continues that. */
function traced<T extends Input>(trace: GroupTrace, index: number, record: InboundRecord, input: T): T {
  return { ...input, ...trace.begin(index, record, input, input.correlationId) };
}

function outcomeOf(resolution: Resolution): string | Error {
  return resolution.kind === 'resolved' ? resolution.disposition : resolution.error;
}

const UNRESOLVED: Resolution = { kind: 'retry', error: new Error('record was left unresolved') };

function retry(error: Error): Resolution {
  return { kind: 'retry', error };
}
