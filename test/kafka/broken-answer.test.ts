/** The patched connection of the Kafka client: an answer that was broken off leaves nothing behind, and one on its way is one. */
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { waitFor } from '../support/wait-for.ts';

const Connection = jest.requireActual('kafkajs/src/network/connection');

const DEADLINE_MS = 5_000;

const logger = { namespace: () => logger, debug: () => {}, warn: () => {}, error: () => {}, info: () => {} };

function connectionTo(port: number) {
  return new Connection({
    host: '127.0.0.1',
    port,
    logger,
    socketFactory: ({ host, port: to, onConnect }: { host: string; port: number; onConnect: () => void }) =>
      connect({ host, port: to }, onConnect),
    requestTimeout: 30_000,
    connectionTimeout: 3_000,
    instrumentationEmitter: new EventEmitter(),
  });
}

function frame(correlationId: number, bytes: number): Buffer {
  const answer = Buffer.alloc(8 + bytes);
  answer.writeInt32BE(4 + bytes, 0);
  answer.writeInt32BE(correlationId, 4);
  return answer;
}

test('what came of an answer before its connection broke off is not taken for the beginning of the next one', async () => {
  const peers: Socket[] = [];
  const server = createServer((peer) => peers.push(peer)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connection = connectionTo((server.address() as AddressInfo).port);
  const fulfilled: number[] = [];
  connection.requestQueue.fulfillRequest = ({ correlationId }: { correlationId: number }) => {
    fulfilled.push(correlationId);
  };
  try {
    await connection.connect();
    await waitFor(() => peers.length === 1, { deadlineMs: DEADLINE_MS, what: 'the connection' });
    peers[0]?.end(frame(1, 1_000).subarray(0, 100));
    await waitFor(() => !connection.isConnected(), { deadlineMs: DEADLINE_MS, what: 'its end' });

    await connection.connect();
    await waitFor(() => peers.length === 2, { deadlineMs: DEADLINE_MS, what: 'the next connection' });
    peers[1]?.write(frame(2, 50));
    await waitFor(() => fulfilled.length > 0, { deadlineMs: DEADLINE_MS, what: 'an answer' });
    expect(fulfilled).toEqual([2]);
  } finally {
    await connection.disconnect();
    for (const peer of peers) peer.destroy();
    server.close();
  }
});
