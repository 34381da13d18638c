/** Against a server that takes connections and says nothing, as the system does for a process that hangs. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { socketFactoryOf } from '../../src/kafka/broker-sockets.ts';
import { RudeServer } from '../support/servers/rude-server.ts';

let silent: RudeServer;
let address: { host: string; port: number };

beforeEach(async () => {
  silent = new RudeServer('silent');
  const [host = '', port = ''] = (await silent.listen()).split(':');
  address = { host, port: Number(port) };
});
afterEach(() => silent.close());

function connecting(): Socket {
  const socket = socketFactoryOf({})({ ...address, ssl: undefined as never, onConnect: () => undefined });
  socket.on('error', () => undefined);
  return socket;
}

async function connected(): Promise<Socket> {
  const socket = connecting();
  await once(socket, 'connect');
  return socket;
}

const closing = (socket: Socket) => new Promise((resolve) => socket.once('close', resolve));

const noAnswer = () => Object.assign(new Error('no answer in time'), { code: 'ENOANSWER' });

test('what one connection gets no answer from is closed to all, and new ones have a moment', async () => {
  const [one, other] = [await connected(), await connected()];
  const closed = closing(other);
  one.destroy(noAnswer());
  await closed;
  await closing(connecting());
});

test('a connection that ends otherwise says nothing about the others', async () => {
  const [one, other] = [await connected(), await connected()];
  const closed = closing(one);
  one.destroy(new Error('reset'));
  await closed;
  expect(other.destroyed).toBe(false);
  other.destroy();
});
