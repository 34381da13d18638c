import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** Accepts connections, and then says nothing or hangs up at the first bytes. */
export class RudeServer {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  /** Clients that have sent something. */
  heard = 0;

  constructor(manners: 'silent' | 'hangs up') {
    this.server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.sockets.delete(socket));
      socket.once('data', () => {
        this.heard += 1;
        if (manners === 'hangs up') socket.destroy();
      });
    });
  }

  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}
