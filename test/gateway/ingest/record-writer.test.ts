import type { OutboundMessage } from '../../../src/domain/ports.ts';
import { AppError } from '../../../src/errors.ts';
import { RecordWriter } from '../../../src/gateway/ingest/record-writer.ts';

const message = (value: string, key = 'b'): OutboundMessage => ({ topic: 't', key, value, headers: {} });

/** A destination that answers when the test says so. */
function heldPublisher() {
  const requests: { messages: readonly OutboundMessage[]; answer: (results: (Error | null)[]) => void }[] = [];
  return {
    requests,
    destinationOf: ({ topic }: OutboundMessage) => topic,
    publish: (_destination: string, messages: readonly OutboundMessage[]) =>
      new Promise<(Error | null)[]>((answer) => requests.push({ messages, answer })),
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const options = { recordsInFlightMax: 3, bytesInFlightMax: 1000, answerMsMax: 1000 };

test('writes of one moment share a request, and what comes meanwhile shares the next', async () => {
  const publisher = heldPublisher();
  const writer = new RecordWriter({ ...options, publisher });
  const first = [writer.write([message('1')]), writer.write([message('2')])];
  await turn();
  const second = writer.write([message('3')]);
  expect(publisher.requests.map(({ messages }) => messages.map(({ value }) => value))).toEqual([['1', '2']]);
  publisher.requests[0]?.answer([null, null]);
  await Promise.all(first);
  await turn();
  publisher.requests[1]?.answer([null]);
  await second;
  expect(publisher.requests).toHaveLength(2);
});

test('a failure is told to whose record it is', async () => {
  const publisher = heldPublisher();
  const writer = new RecordWriter({ ...options, publisher });
  const writes = Promise.allSettled([writer.write([message('1')]), writer.write([message('2'), message('3')])]);
  await turn();
  publisher.requests[0]?.answer([null, null, new AppError('PUBLISH_REFUSED', 'too large')]);
  expect(await writes).toMatchObject([
    { status: 'fulfilled' },
    { status: 'rejected', reason: { refusal: { status: 413 } } },
  ]);
});

test('beyond the bound there is no waiting, and what is answered makes room', async () => {
  const publisher = heldPublisher();
  const writer = new RecordWriter({ ...options, publisher });
  const held = writer.write([message('1'), message('2'), message('3')]);
  await expect(writer.write([message('4')])).rejects.toMatchObject({ refusal: { status: 429, retryAfterSeconds: 1 } });
  await turn();
  publisher.requests[0]?.answer([null, null, null]);
  await held;
  const next = writer.write([message('4')]);
  await turn();
  publisher.requests[1]?.answer([null]);
  await next;
});

test('whoever was told to come again is not written later', async () => {
  const publisher = heldPublisher();
  const writer = new RecordWriter({ ...options, answerMsMax: 20, publisher });
  const begun = writer.write([message('1')]);
  await turn();
  const waiting = writer.write([message('2')]);
  expect(await Promise.allSettled([begun, waiting])).toMatchObject([
    { status: 'rejected', reason: { code: 'UNAVAILABLE' } },
    { status: 'rejected', reason: { code: 'UNAVAILABLE' } },
  ]);
  publisher.requests[0]?.answer([null]);
  const later = writer.write([message('3')]);
  await turn();
  await turn();
  expect(publisher.requests[1]?.messages.map(({ value }) => value)).toEqual(['3']);
  publisher.requests[1]?.answer([null]);
  await later;
});
