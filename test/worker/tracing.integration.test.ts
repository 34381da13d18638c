/**
 * A trace through a real worker and its outbox, with an SDK and without one, and what its log says about single inputs:
 * enough to find them, and nothing that people wrote.
 */
import type { WireMessage } from '../../src/contract/message.ts';
import { waitFor } from '../support/wait-for.ts';
import { WorkerFixture } from '../support/worker/worker-fixture.ts';
import type { WorkerProgram } from '../support/worker/worker-program.ts';

jest.setTimeout(90_000);

const TRACES = {
  registration: '0af7651916cd43dd8448eb211c80319c',
  content: '4bf92f3577b34da6a3ce929d0e0e4736',
  early: '11112222333344445555666677778888',
};
const PARENT = 'b7ad6b7169203331';
const STATE = 'rojo=00f067aa0ba902b7';
/** Nobody may find these in a log, whatever happens to the record that carries them. */
const CANARIES = ['Canary Svensson.docx', 'canary-course', 'canary-user', 'canary-error-text'];
const [FILE_NAME, COURSE, USER, ERROR_TEXT] = CANARIES as [string, string, string, string];

describe.each([
  ['with an SDK', { NODE_OPTIONS: '--import ./test/support/worker/spans-to-stdout.mjs' }],
  ['without one', {}],
] as const)('a worker %s', (name, env) => {
  const isTraced = name === 'with an SDK';
  let fixture: WorkerFixture;
  let worker: WorkerProgram;

  const traced = (message: WireMessage, traceId: string): WireMessage => ({
    ...message,
    headers: { ...message.headers, traceparent: `00-${traceId}-${PARENT}-01`, tracestate: STATE },
  });
  const altered = (message: WireMessage, data: object): WireMessage => {
    const event = JSON.parse(message.value);
    return { ...message, value: JSON.stringify({ ...event, data: { ...event.data, ...data } }) };
  };
  const spans = () => worker.logLines().filter(({ msg }) => msg === 'span');
  const published = async (topic: string, id: string) => {
    const records = await fixture.tail.complete();
    const found = records.find((record) => record.topic === topic && String(record.value).includes(id));
    const header = (key: string) => found?.headers[key]?.toString();
    const [, traceId, spanId] = (header('traceparent') ?? '').split('-');
    return { traceId, spanId, tracestate: header('tracestate') };
  };

  beforeAll(async () => {
    fixture = await WorkerFixture.open({ inboundPartitions: 2 });
    worker = await fixture.launchReady('w', { env: { LOG_LEVEL: 'debug', ...env } });
    const { inputs } = fixture;
    const person = { original_file_name: FILE_NAME, course_code: COURSE, user_id: USER };
    // Through the table of pending inputs, then straight.
    await fixture.send([traced(altered(inputs.content('b', 'early'), person), TRACES.early)]);
    await fixture.settled();
    const registration = altered(inputs.registration('b', 2), person);
    await fixture.send([traced(registration, TRACES.registration)]);
    await fixture.settled();
    // Alone: which of several in different partitions gets the last slot, nobody says.
    await fixture.send([traced(altered(inputs.content('b', 'straight'), person), TRACES.content)]);
    await fixture.settled();
    await fixture.send([
      traced(altered(inputs.content('b', 'too-much'), person), TRACES.content),
      altered(inputs.failure('b', 'broken'), { ...person, validation_error_detail: { message: ERROR_TEXT } }),
      traced(
        altered(inputs.registration('b', 3, { eventId: 'other', correlationId: 'of other' }), person),
        TRACES.registration,
      ),
      altered(inputs.content('b', 'bad'), { ...person, file_upload_id: 7 }),
      { ...inputs.content('b', 'cut'), value: `{"data": {"original_file_name": "${FILE_NAME}"` },
    ]);
    await fixture.settled();
  });
  afterAll(() => fixture?.close());

  test.each([
    ['an assigned content', 'slotAssigned', 'straight', TRACES.content],
    ['a content that waited for its registration', 'slotAssigned', 'early', TRACES.early],
    ['an excess content', 'excess', 'too-much', TRACES.content],
    ['a completion, which belongs to its registration', 'completed', '"b"', TRACES.registration],
  ] as const)('%s is announced in the trace of its input', async (_what, topic, id, traceId) => {
    const announced = await published(fixture.topics[topic], id);
    expect(announced).toMatchObject({ traceId, tracestate: STATE });
    if (!isTraced) return expect(announced.spanId).toBe(PARENT);
    const span = spans().find(({ spanId }) => spanId === announced.spanId);
    expect(span).toMatchObject({ traceId, parentSpanId: PARENT });
    const sends = spans().filter(({ attributes }) => Object(attributes)['messaging.operation.type'] === 'send');
    const isLinked = () => sends.some(({ links }) => (links as string[]).includes(announced.spanId ?? ''));
    await waitFor(isLinked, { deadlineMs: 15_000, what: 'a publication linked to the input' });
  });

  test('an input without a trace is given one only where somebody records it', async () => {
    const untraced = spans().filter(({ attributes, parentSpanId }) => {
      return parentSpanId === undefined && Object(attributes)['messaging.kafka.offset'] !== undefined;
    });
    expect(untraced.length).toBe(isTraced ? 1 : 0);
  });

  test('the log tells of each input its place, batch, correlation, trace and disposition', () => {
    const lines = worker.logLines().filter(({ msg }) => msg === 'input resolved');
    const of = (correlationId: string) => lines.find((line) => line['correlationId'] === correlationId);
    expect(of('of content b straight')).toMatchObject({
      level: 'debug',
      topic: fixture.topics.content,
      partition: expect.any(Number),
      offset: expect.any(Number),
      batchId: 'b',
      traceId: TRACES.content,
      disposition: 'assigned',
    });
    expect(of('of content b too-much')).toMatchObject({ disposition: 'excess' });
    expect(of('of content b early')).toMatchObject({ disposition: 'pending', traceId: TRACES.early });
    expect(of('of registration of b')).toMatchObject({ disposition: 'registered', traceId: TRACES.registration });
  });

  test('the log tells of each record that was set aside what can be told', () => {
    const lines = worker.logLines().filter(({ msg }) => msg === 'record set aside');
    expect(
      lines.map(({ reason, batchId, correlationId, traceId }) => [reason, batchId, correlationId, traceId]),
    ).toEqual(
      expect.arrayContaining([
        ['conflicting_registration', 'b', 'of other', TRACES.registration],
        ['invalid_id', 'b', 'of content b bad', undefined],
        ['malformed_json', undefined, undefined, undefined],
      ]),
    );
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatchObject({ partition: expect.any(Number), offset: expect.any(Number) });
  });

  test('nothing that people wrote is in the log or in a span, even at debug', () => {
    for (const canary of CANARIES) expect(worker.stdout + worker.stderr).not.toContain(canary);
  });
});

test('a password that the database refuses is not in the log of the worker that could not start', async () => {
  const fixture = await WorkerFixture.open({ inboundPartitions: 1 });
  try {
    const url = new URL(fixture.databaseUrl);
    url.password = 'canary-s3cret';
    url.port = '1';
    const worker = fixture.launch('w', { env: { DATABASE_URL: url.href, LOG_LEVEL: 'debug' } });
    await waitFor(() => worker.stdout.includes('waiting for a server'), { deadlineMs: 20_000, what: 'a complaint' });
    worker.kill('SIGTERM');
    await worker.exited();
    expect(worker.stdout + worker.stderr).not.toContain('canary-s3cret');
  } finally {
    await fixture.close();
  }
});
