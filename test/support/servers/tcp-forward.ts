import { connect, createServer, type Server, type Socket } from 'node:net';

/** A port behind which nobody listens until it is opened; from then on, the server behind it. */
export class TcpForward {
  private readonly target: { readonly host: string; readonly port: number };
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  constructor(
    readonly port: number,
    target: { readonly host: string; readonly port: number },
  ) {
    this.target = target;
    this.server = createServer((client) => {
      const server = connect(this.target);
      for (const [one, other] of [
        [client, server],
        [server, client],
      ] as const) {
        this.sockets.add(one);
        one.on('error', () => other.destroy());
        one.on('close', () => {
          this.sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }

  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.port, '127.0.0.1', resolve);
    });
  }

  close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => {
      this.server.close(() => resolve());
    });
  }
}
