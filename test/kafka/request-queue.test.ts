/** The patched queue of requests of the Kafka client: durations are monotonic, and nothing pending costs nothing. */
import { EventEmitter } from 'node:events';
import { waitFor } from '../support/wait-for.ts';

const RequestQueue = jest.requireActual('kafkajs/src/network/requestQueue');

const THROTTLED_MS = 200;
const DEADLINE_MS = 5_000;

afterEach(() => jest.restoreAllMocks());

function queueOf(requestTimeout = 30_000) {
  const logger = { namespace: () => logger, debug: () => {}, warn: () => {}, error: () => {}, info: () => {} };
  return new RequestQueue({
    instrumentationEmitter: new EventEmitter(),
    maxInFlightRequests: null,
    requestTimeout,
    enforceRequestTimeout: true,
    clientId: 'test',
    broker: 'test',
    logger,
    isConnected: () => true,
  });
}

function requestTo(queue: { push(request: unknown): void }) {
  const outcome = { sent: false, error: undefined as Error | undefined };
  queue.push({
    entry: {
      correlationId: 1,
      apiName: 'Produce',
      apiKey: 0,
      apiVersion: 7,
      resolve: () => {},
      reject: (error: Error) => {
        outcome.error = error;
      },
    },
    expectResponse: true,
    sendRequest: () => {
      outcome.sent = true;
    },
  });
  return outcome;
}

function setClock(byMs: number): void {
  const now = Date.now.bind(Date);
  jest.spyOn(Date, 'now').mockImplementation(() => now() + byMs);
}

test('a throttled client sends again in time when the clock is set back', async () => {
  const queue = queueOf();
  queue.maybeThrottle(THROTTLED_MS);
  const outcome = requestTo(queue);
  expect(outcome.sent).toBe(false);
  setClock(-600_000);
  await waitFor(() => outcome.sent, { deadlineMs: DEADLINE_MS, what: 'the request' });
  queue.destroy();
});

test.each([
  ['back, a request without an answer ends in time', -600_000, 150],
  ['ahead, none ends early', 600_000, 30_000],
])('with a clock set %s', async (_what, byMs, timeoutMs) => {
  const queue = queueOf(timeoutMs);
  queue.scheduleRequestTimeoutCheck();
  const outcome = requestTo(queue);
  setClock(byMs);
  const isOver = timeoutMs < DEADLINE_MS;
  const untilMs = performance.now() + 500;
  await waitFor(() => outcome.error !== undefined || (!isOver && performance.now() > untilMs), {
    deadlineMs: DEADLINE_MS,
    what: 'the end of the wait',
  });
  expect(outcome.error !== undefined).toBe(isOver);
  queue.destroy();
});

test('an answer that is on its way is none that is missing; a silence of the same length is', async () => {
  const queue = queueOf(150);
  queue.scheduleRequestTimeoutCheck();
  const outcome = requestTo(queue);
  const startedAtMs = performance.now();
  const receiving = setInterval(() => queue.noteReceived(), 20);
  await waitFor(() => outcome.error !== undefined || performance.now() - startedAtMs > 1_500, {
    deadlineMs: DEADLINE_MS,
    what: 'several times the limit',
  });
  expect(outcome.error).toBeUndefined();
  clearInterval(receiving);
  await waitFor(() => outcome.error !== undefined, { deadlineMs: DEADLINE_MS, what: 'the end of the wait' });
  queue.destroy();
});

test('without anything pending no timer runs, and none for a time that is over', () => {
  const queue = queueOf();
  const timer = jest.spyOn(global, 'setTimeout');
  queue.checkPendingRequests();
  expect(timer).not.toHaveBeenCalled();
});
