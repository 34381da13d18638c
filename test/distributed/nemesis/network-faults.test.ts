/** Faults of a line are seen when somebody was connected and met them, and by nothing else. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { linesCut, networkInjector } from '../../../distributed/nemesis/network-faults.ts';
import { freePorts } from '../../../distributed/stack/process/free-port.ts';
import { TcpProxy } from '../../../distributed/stack/process/tcp-proxy.ts';
import { waitFor } from '../../support/wait-for.ts';

test('a cut, a slow line and resets are seen by what they held back, delayed and ended', async () => {
  const server = createServer((socket) => socket.on('error', () => undefined).resume());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const [port = 0] = await freePorts(1);
  const line = new TcpProxy(port, { host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  await line.open();
  const cut = () => linesCut({ target: 'somebody', lines: [line], directions: ['to-server'], patienceMs: 100 });
  try {
    const unmet = cut();
    expect(await unmet.start()).toBeNull();
    expect(await unmet.stop()).toBeNull();

    const client = connect(port, '127.0.0.1');
    await once(client, 'connect');
    await waitFor(() => line.facts.connections === 1, { deadlineMs: 15_000, what: 'a connection' });
    const fault = cut();
    expect(await fault.start()).toMatchObject({ connections: [1] });
    expect(await fault.stop()).toBeNull();

    await fault.start();
    client.write('held');
    await waitFor(() => line.facts.heldBytes === 4, { deadlineMs: 15_000, what: 'bytes that wait' });
    expect(await fault.stop()).toEqual({ heldBytes: [4] });
    await waitFor(() => line.facts.heldBytes === 0, { deadlineMs: 15_000, what: 'a line that is mended' });

    const slow = networkInjector('slow-redis', () => line, 'somebody');
    await slow.start();
    expect(await slow.stop()).toBeNull();
    await slow.start();
    client.write('late');
    await waitFor(() => line.facts.latePieces === 1, { deadlineMs: 15_000, what: 'a piece that is late' });
    expect(await slow.stop()).toEqual({ latePieces: [1] });

    const broken = once(client, 'error');
    const reset = networkInjector('reset-redis', () => line, 'somebody');
    expect(await reset.start()).toEqual({ connections: 1 });
    await broken;
    expect(await reset.stop()).toEqual({ connections: 1 });
  } finally {
    await line.close();
    server.close();
  }
});
