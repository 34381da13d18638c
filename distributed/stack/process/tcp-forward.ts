/**
 * A port of this process that leads to a server: to nobody until it is opened, and to another server from the moment it
 * is turned; connections to the former one end then.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface ForwardTarget {
  readonly host: string;
  readonly port: number;
}

export class TcpForward {
  private target: ForwardTarget;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  constructor(
    readonly port: number,
    target: ForwardTarget,
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

  turnTo(target: ForwardTarget): void {
    this.target = target;
    this.end();
  }

  close(): Promise<void> {
    this.end();
    return new Promise((resolve) => {
      this.server.close(() => resolve());
    });
  }

  private end(): void {
    for (const socket of this.sockets) socket.destroy();
  }
}
