/**
 * W3C trace context as it travels: `traceparent` and `tracestate` texts. What does not follow the specification is as
 * good as absent. https://www.w3.org/TR/trace-context/
 */

/** Layout of version 00; all-zero ids and version ff are invalid. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const TRACEPARENT_LENGTH = 55;
/** Later versions may append fields. */
const LATER_LENGTH_MAX = 512;
const FLAGS_START = 53;
const SAMPLED = 1;
/** As much as the specification asks everybody to pass on. */
const TRACESTATE_LENGTH_MAX = 512;
const PRINTABLE = /^[\x20-\x7e]+$/;

export interface TraceContext {
  readonly traceparent: string | null;
  /** Of others, passed on as it is; never without a traceparent. */
  readonly tracestate?: string | null | undefined;
}

type Header = Uint8Array | readonly Uint8Array[] | undefined;

/** A header given more than once is as good as none. */
export function traceparentFromHeader(header: Header): string | null {
  if (!(header instanceof Uint8Array) || header.byteLength < TRACEPARENT_LENGTH) return null;
  return header.byteLength > LATER_LENGTH_MAX ? null : traceparentFromText(Buffer.from(header).toString('latin1'));
}

/** Of a later version only what version 00 knows is taken, and passed on as version 00. */
export function traceparentFromText(text: unknown): string | null {
  if (typeof text !== 'string' || text.length < TRACEPARENT_LENGTH || text.length > LATER_LENGTH_MAX) return null;
  const known = text.slice(0, TRACEPARENT_LENGTH);
  if (!TRACEPARENT.test(known)) return null;
  if (text.startsWith('00-')) return text.length === TRACEPARENT_LENGTH ? text : null;
  if (text.length > TRACEPARENT_LENGTH && text[TRACEPARENT_LENGTH] !== '-') return null;
  return formatTraceparent(known.slice(3, 35), known.slice(36, 52), flagsOf(known));
}

/** Given more than once it is one list, as the specification has it. */
export function tracestateFromHeader(header: Header): string | undefined {
  if (header === undefined) return undefined;
  const parts = header instanceof Uint8Array ? [header] : header;
  return tracestateFromText(parts.map((part) => Buffer.from(part).toString('latin1')).join(','));
}

export function tracestateFromText(text: unknown): string | undefined {
  const isUsable = typeof text === 'string' && text.length <= TRACESTATE_LENGTH_MAX && PRINTABLE.test(text);
  return isUsable ? text : undefined;
}

export function formatTraceparent(traceId: string, spanId: string, flags: number): string {
  return `00-${traceId}-${spanId}-${(flags & SAMPLED).toString(16).padStart(2, '0')}`;
}

/** Of a valid traceparent. */
export function partsOf(traceparent: string): { traceId: string; spanId: string; traceFlags: number } {
  return { traceId: traceparent.slice(3, 35), spanId: traceparent.slice(36, 52), traceFlags: flagsOf(traceparent) };
}

function flagsOf(traceparent: string): number {
  return Number.parseInt(traceparent.slice(FLAGS_START, TRACEPARENT_LENGTH), 16);
}
