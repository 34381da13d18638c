/** Each ailment of a line, seen by a client of an echoing server. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { freePorts } from '../../../../distributed/stack/process/free-port.ts';
import { TcpProxy } from '../../../../distributed/stack/process/tcp-proxy.ts';
import { waitFor } from '../../../support/wait-for.ts';

let echo: Server;
let proxy: TcpProxy;
let client: Socket;
let heard: string;
let received: string;

beforeEach(async () => {
  received = '';
  heard = '';
  echo = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      received += bytes.toString();
      socket.write(bytes);
    });
  });
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  const [port = 0] = await freePorts(1);
  proxy = new TcpProxy(port, { host: '127.0.0.1', port: (echo.address() as AddressInfo).port });
  await proxy.open();
  client = await joined();
  client.on('data', (bytes) => {
    heard += bytes.toString();
  });
});

afterEach(async () => {
  client.destroy();
  await proxy.close();
  echo.close();
});

async function joined(): Promise<Socket> {
  const socket = connect(proxy.port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** How long it takes until all of it has come back. */
async function echoMs(text: string): Promise<number> {
  const startedAtMs = performance.now();
  const before = heard.length;
  client.write(text);
  await waitFor(() => heard.length >= before + text.length, { deadlineMs: 15_000, what: 'an echo' });
  expect(heard.slice(before)).toBe(text);
  return performance.now() - startedAtMs;
}

const waits = (text: string) =>
  waitFor(() => proxy.facts.heldBytes >= text.length, { deadlineMs: 15_000, what: 'bytes that wait' });

test('a line that is well changes nothing', async () => {
  expect(await echoMs('a'.repeat(300_000))).toBeLessThan(2_000);
  expect(proxy.facts).toEqual({ connections: 1, heldBytes: 0, latePieces: 0 });
});

test('latency is added in each direction, jitter to each piece, and the order stays', async () => {
  proxy.set({ latencyMs: 100 });
  expect(await echoMs('late')).toBeGreaterThanOrEqual(195);
  const lots = [1, 0, 0.5, 0, 1, 0.2];
  proxy.set({ latencyMs: 20, jitterMs: 20, random: () => lots.pop() ?? 0 });
  const startedAtMs = performance.now();
  const before = heard.length;
  for (const letter of 'abcdef') client.write(letter);
  await waitFor(() => heard.length === before + 6, { deadlineMs: 15_000, what: 'six letters' });
  expect(heard.slice(before)).toBe('abcdef');
  expect(performance.now() - startedAtMs).toBeGreaterThan(5);
  const { latePieces } = proxy.facts;
  expect(latePieces).toBeGreaterThan(2);
  proxy.set({ latencyMs: 1_000 });
  proxy.mend();
  expect(await echoMs('prompt')).toBeLessThan(900);
  expect(proxy.facts.latePieces).toBe(latePieces);
});

test('a narrow line takes as long as its bytes need', async () => {
  proxy.set({ bytesPerSecondMax: 100_000 }, ['to-server']);
  expect(await echoMs('b'.repeat(30_000))).toBeGreaterThanOrEqual(290);
});

test('cut to the server: it hears nothing until the line is mended, and then everything', async () => {
  proxy.set({ isCut: true }, ['to-server']);
  client.write('held');
  await waits('held');
  expect(received).toBe('');
  proxy.mend();
  await waitFor(() => heard === 'held', { deadlineMs: 15_000, what: 'what was held' });
});

test('cut to the client: the server does the work and nobody hears of it', async () => {
  proxy.set({ isCut: true }, ['to-client']);
  client.write('done');
  await waits('done');
  expect([received, heard]).toEqual(['done', '']);
  proxy.mend();
  await waitFor(() => heard === 'done', { deadlineMs: 15_000, what: 'the answer' });
});

test('cut in both directions: connections are accepted and silent, also new ones', async () => {
  proxy.set({ isCut: true });
  const other = await joined();
  other.write('new');
  client.write('old');
  await waits('newold');
  expect(received).toBe('');
  // Nor does its farewell get through before.
  other.destroy();
  proxy.mend();
  await waitFor(() => proxy.facts.connections === 1, { deadlineMs: 15_000, what: 'one connection left' });
});

test('a reset ends every connection at once, and the next one works', async () => {
  const broken = once(client, 'error');
  expect(proxy.reset()).toBe(1);
  expect((await broken)[0]).toMatchObject({ code: 'ECONNRESET' });
  const next = await joined();
  next.write('again');
  await waitFor(() => received === 'again', { deadlineMs: 15_000, what: 'the next connection' });
  next.destroy();
});

test('a sender that is faster than the line has to wait: little is kept of it', async () => {
  proxy.set({ isCut: true });
  client.write('c'.repeat(64 * 1_048_576));
  await waitFor(() => proxy.facts.heldBytes > 1_048_576, { deadlineMs: 15_000, what: 'a full line' });
  expect(proxy.facts.heldBytes).toBeLessThan(2 * 1_048_576);
});
