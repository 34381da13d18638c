/**
 * Events in the form in which they wait to be published: what they carry, without what can be derived. It expands to the
 * same bytes whenever and by whomever it is read, so what a version means never changes: another form is another version.
 * Rows of builds that knew no compact form are lists of whole messages.
 */
import type { WireMessage } from './message.ts';
import { completedMessage, slotAssignedMessage } from './outbound.ts';
import type { Topics } from './topics.ts';

const VERSION = 1;

/** essay, batch, text, upload, file name, correlation, traceparent, tracestate */
type SlotParts = [string, string, string, string, string, string, string | null, string | null];
/** batch, slots, course, user, correlation, traceparent, tracestate, essays with their texts by position */
type CompletionParts = [
  string,
  number,
  string,
  string,
  string,
  string | null,
  string | null,
  readonly (readonly [string, string])[],
];

/** After the head come the lists and a closing brace; PostgreSQL writes them (postgres/sql/assign-contents.ts). */
export interface CompactEvents {
  readonly v: number;
  readonly at: number;
  readonly topics: Pick<Topics, 'slotAssigned' | 'completed'>;
  readonly slots: readonly SlotParts[];
  readonly completions: readonly CompletionParts[];
}

/** What all events of a row share, as the beginning of its text. */
export function compactHead({ slotAssigned, completed }: CompactEvents['topics'], occurredAtMs: number): string {
  return JSON.stringify({ v: VERSION, at: occurredAtMs, topics: { slotAssigned, completed } }).slice(0, -1);
}

/** The messages of a row in either form, slots before completions. */
export function expandEvents(text: string): WireMessage[] {
  const events = JSON.parse(text) as CompactEvents | WireMessage[];
  if (Array.isArray(events)) return events;
  if (events.v !== VERSION) throw new Error(`events in version ${events.v} are of a later build`);
  const shared = { topics: events.topics as Topics, occurredAtMs: events.at };
  const slots = events.slots.map(
    ([essayId, batchId, textStorageId, fileUploadId, originalFileName, correlationId, traceparent, tracestate]) =>
      slotAssignedMessage({
        ...shared,
        essayId,
        batchId,
        textStorageId,
        fileUploadId,
        originalFileName,
        correlationId,
        traceparent,
        tracestate,
      }),
  );
  const completions = events.completions.map(
    ([batchId, expectedCount, courseCode, userId, correlationId, traceparent, tracestate, essays]) =>
      completedMessage({
        ...shared,
        batchId,
        expectedCount,
        courseCode,
        userId,
        correlationId,
        traceparent,
        tracestate,
        essays: essays.map(([essayId, textStorageId]) => ({ essayId, textStorageId })),
      }),
  );
  return [...slots, ...completions];
}
