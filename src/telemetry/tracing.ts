/**
 * Spans by the names of OpenTelemetry's conventions, all of them here. They exist only where an SDK was registered
 * before the process composed itself (`node --import`): without one nothing is made, measured or allocated, and trace
 * contexts pass through as they came, because a span id that nobody reports would cut the trace in two.
 */
import {
  type Attributes,
  context,
  createTraceState,
  type Link,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { VERSION } from '../version.ts';
import { formatTraceparent, partsOf, type TraceContext, traceparentFromText } from './trace-context.ts';

const NAME = 'essay-lifecycle-service';
/** Of one span; an SDK would drop more by default. */
const LINKS_MAX = 128;
const KAFKA = { 'messaging.system': 'kafka' } as const;

/** Where a record lies, as far as a span tells it. */
export interface TracedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly receivedAtMs?: number | undefined;
}

export interface TracedMessage {
  readonly topic: string;
  readonly headers: Readonly<Record<string, string>>;
}

export class Tracing {
  readonly isOn: boolean;
  private readonly tracer: Tracer;

  constructor() {
    const provider = trace.getTracerProvider();
    const isNobodyThere = provider instanceof ProxyTracerProvider && provider.getDelegateTracer(NAME) === undefined;
    this.isOn = !isNobodyThere;
    this.tracer = trace.getTracer(NAME, VERSION);
  }

  /** Undefined where nobody records. */
  beginGroup(recordCount: number): GroupTrace | undefined {
    return this.isOn ? new GroupTrace(this.tracer, recordCount) : undefined;
  }

  /** Runs a statement, as a child of the group that needs it. */
  async statement<T>(summary: string, work: () => Promise<T>): Promise<T> {
    const attributes = { 'db.system.name': 'postgresql', 'db.query.summary': summary };
    const span = this.tracer.startSpan(summary, { kind: SpanKind.CLIENT, attributes });
    return ending(span, work);
  }

  /** Runs the publication of messages, linked to what caused each. */
  async publication<T>(messages: readonly TracedMessage[], work: () => Promise<T>): Promise<T> {
    const topics = new Set(messages.map(({ topic }) => topic));
    const [topic] = topics;
    const only = topics.size === 1 && topic !== undefined ? topic : undefined;
    const attributes: Attributes = {
      ...KAFKA,
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.batch.message_count': messages.length,
      ...(only !== undefined && { 'messaging.destination.name': only }),
    };
    const name = only === undefined ? 'send' : `send ${only}`;
    const span = this.tracer.startSpan(
      name,
      { kind: SpanKind.PRODUCER, attributes, links: linksOf(messages) },
      ROOT_CONTEXT,
    );
    return ending(span, work);
  }
}

/**
 * One group of records: a span of its own under which the statements are, and a span per record, each in the trace of
 * its producer and linked to the group. What a record causes continues its span.
 */
export class GroupTrace {
  private readonly tracer: Tracer;
  private readonly span: Span;
  private readonly records: (Span | undefined)[];

  constructor(tracer: Tracer, recordCount: number) {
    this.tracer = tracer;
    this.records = new Array<Span | undefined>(recordCount).fill(undefined);
    const attributes = {
      ...KAFKA,
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.batch.message_count': recordCount,
    };
    this.span = tracer.startSpan('process', { kind: SpanKind.CONSUMER, attributes }, ROOT_CONTEXT);
  }

  /** Begins the record's span, at its receipt; answers the context of it. */
  begin(index: number, record: TracedRecord, carried: TraceContext, correlationId: string): TraceContext {
    const { topic, partition, offset, receivedAtMs } = record;
    const parent = spanContextOf(carried);
    const span = this.tracer.startSpan(
      `process ${topic}`,
      {
        kind: SpanKind.CONSUMER,
        ...(receivedAtMs !== undefined && { startTime: receivedAtMs }),
        links: [{ context: this.span.spanContext() }],
        attributes: {
          ...KAFKA,
          'messaging.operation.name': 'process',
          'messaging.operation.type': 'process',
          'messaging.destination.name': topic,
          'messaging.destination.partition.id': String(partition),
          'messaging.kafka.offset': offset,
          'messaging.message.conversation_id': correlationId,
        },
      },
      parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent),
    );
    this.records[index] = span;
    if (parent !== undefined && index < LINKS_MAX) this.span.addLinks([{ context: parent }]);
    const own = span.spanContext();
    return {
      traceparent: formatTraceparent(own.traceId, own.spanId, own.traceFlags),
      tracestate: own.traceState?.serialize() ?? carried.tracestate,
    };
  }

  /** Runs the work of the whole group; spans that it left open by rising are ended with its error. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await context.with(trace.setSpan(ROOT_CONTEXT, this.span), work);
    } catch (error) {
      for (const span of [...this.records, this.span]) if (span !== undefined) fail(span, error);
      throw error;
    }
  }

  /** Ends all spans; `outcomeOf` a record is its disposition, or the error it must be tried again for. */
  end(outcomeOf: (index: number) => string | Error): void {
    this.records.forEach((span, index) => {
      if (span === undefined) return;
      const outcome = outcomeOf(index);
      if (outcome instanceof Error) {
        fail(span, outcome);
      } else {
        span.setAttribute('essay.disposition', outcome);
        span.end();
      }
    });
    this.span.end();
  }
}

async function ending<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    const result = await work();
    span.end();
    return result;
  } catch (error) {
    fail(span, error);
    throw error;
  }
}

function fail(span: Span, error: unknown): void {
  const type = error instanceof Error ? (codeOf(error) ?? error.name) : 'unknown';
  span.setAttribute('error.type', type);
  // Not the message: it may name what must not leave the process.
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

function codeOf(error: Error): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

function linksOf(messages: readonly TracedMessage[]): Link[] {
  const links: Link[] = [];
  for (const { headers } of messages) {
    if (links.length === LINKS_MAX) break;
    const cause = spanContextOf({ traceparent: headers['traceparent'] ?? null, tracestate: headers['tracestate'] });
    if (cause !== undefined) links.push({ context: cause });
  }
  return links;
}

function spanContextOf({ traceparent, tracestate }: TraceContext): SpanContext | undefined {
  const valid = traceparentFromText(traceparent);
  if (valid === null) return undefined;
  return { ...partsOf(valid), isRemote: true, ...(tracestate && { traceState: createTraceState(tracestate) }) };
}
