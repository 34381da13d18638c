import { trace } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { AppError } from '../../src/errors.ts';
import { partsOf } from '../../src/telemetry/trace-context.ts';
import { Tracing } from '../../src/telemetry/tracing.ts';

const CARRIED = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const TRACE_ID = partsOf(CARRIED).traceId;
const RECORD = { topic: 'contents', partition: 2, offset: 41 };

test('without an SDK nothing is made', () => {
  const tracing = new Tracing();
  expect(tracing.isOn).toBe(false);
  expect(tracing.beginGroup(3)).toBeUndefined();
});

describe('with an SDK', () => {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const spans = () => exporter.getFinishedSpans();
  const named = (name: string) => spans().find((span) => span.name === name);
  let tracing: Tracing;

  beforeAll(() => {
    provider.register();
    tracing = new Tracing();
  });
  beforeEach(() => exporter.reset());
  afterAll(async () => {
    await provider.shutdown();
    trace.disable();
  });

  test('what a record causes carries its trace, with a span of ours as parent', async () => {
    const group = tracing.beginGroup(1);
    const own = group?.begin(0, RECORD, { traceparent: CARRIED, tracestate: 'rojo=1' }, 'correlation-1');
    group?.end(() => 'assigned');
    const span = named('process contents');
    expect(span?.parentSpanContext?.spanId).toBe(partsOf(CARRIED).spanId);
    expect(own).toEqual({ traceparent: `00-${TRACE_ID}-${span?.spanContext().spanId}-01`, tracestate: 'rojo=1' });
    expect(span?.attributes).toMatchObject({
      'messaging.system': 'kafka',
      'messaging.destination.name': 'contents',
      'messaging.destination.partition.id': '2',
      'messaging.kafka.offset': 41,
      'messaging.message.conversation_id': 'correlation-1',
      'essay.disposition': 'assigned',
    });
  });

  test('a record without a trace begins one', () => {
    const group = tracing.beginGroup(1);
    const own = group?.begin(0, RECORD, { traceparent: null }, 'c');
    group?.end(() => 'assigned');
    const span = named('process contents');
    expect(span?.parentSpanContext).toBeUndefined();
    expect(own?.traceparent).toContain(span?.spanContext().traceId);
  });

  test('an unsampled trace stays unsampled, and its own', () => {
    const group = tracing.beginGroup(1);
    const own = group?.begin(0, RECORD, { traceparent: CARRIED.replace(/01$/, '00') }, 'c');
    group?.end(() => 'assigned');
    expect(own?.traceparent).toMatch(new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-00$`));
    expect(named('process contents')).toBeUndefined();
  });

  test('group and records are linked to each other, and statements are children of the group', async () => {
    const group = tracing.beginGroup(1);
    group?.begin(0, RECORD, { traceparent: CARRIED }, 'c');
    await group?.run(() => tracing.statement('claim-slots', async () => undefined));
    group?.end(() => 'assigned');
    const [process, record, statement] = [named('process'), named('process contents'), named('claim-slots')];
    expect(process?.links.map(({ context }) => context.traceId)).toEqual([TRACE_ID]);
    expect(record?.links.map(({ context }) => context.spanId)).toEqual([process?.spanContext().spanId]);
    expect(statement?.parentSpanContext?.spanId).toBe(process?.spanContext().spanId);
    expect(statement?.attributes).toEqual({ 'db.system.name': 'postgresql', 'db.query.summary': 'claim-slots' });
  });

  test('a record to be tried again, and a statement that failed, end with the kind of error and without its text', async () => {
    const error = new AppError('UNAVAILABLE', 'secret text');
    const group = tracing.beginGroup(1);
    group?.begin(0, RECORD, { traceparent: CARRIED }, 'c');
    await expect(tracing.statement('claim-slots', () => Promise.reject(error))).rejects.toBe(error);
    group?.end(() => error);
    for (const name of ['process contents', 'claim-slots']) {
      expect(named(name)).toMatchObject({ status: { code: 2 }, attributes: { 'error.type': 'UNAVAILABLE' } });
    }
    expect(JSON.stringify(spans().map(({ status, attributes, events }) => [status, attributes, events]))).not.toContain(
      'secret',
    );
  });

  test('work that rises leaves no span open', async () => {
    const group = tracing.beginGroup(1);
    group?.begin(0, RECORD, { traceparent: CARRIED }, 'c');
    await expect(group?.run(() => Promise.reject(new Error('a bug')))).rejects.toThrow('a bug');
    expect(spans().map(({ name }) => name)).toEqual(['process contents', 'process']);
  });

  test('a publication is linked to what caused each message', async () => {
    const messages = [
      { topic: 'slots', headers: { traceparent: CARRIED } },
      { topic: 'slots', headers: {} },
    ];
    await tracing.publication(messages, async () => undefined);
    const span = named('send slots');
    expect(span?.links.map(({ context }) => context.traceId)).toEqual([TRACE_ID]);
    expect(span?.attributes).toMatchObject({ 'messaging.batch.message_count': 2, 'messaging.operation.type': 'send' });
  });
});
