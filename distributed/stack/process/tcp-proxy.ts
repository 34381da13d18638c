/**
 * A port of this process that leads to a server, by a line that can be as bad as a network: slow, narrow, cut in one
 * direction or in both. To nobody until it is opened, and to another server from the moment it is turned; connections to
 * the former one end then. What is held back by a cut is not lost: it arrives when the cut is mended, as TCP does it.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Lane, type Line, WELL } from './lane.ts';

export interface ForwardTarget {
  readonly host: string;
  readonly port: number;
}

export type Direction = 'to-server' | 'to-client';

/** What a line has done to those who go by it. */
export interface LineFacts {
  /** At the moment. */
  readonly connections: number;
  /** That wait for a line that is cut, slow or narrow. */
  readonly heldBytes: number;
  /** Since it was opened: what arrived later than it was sent. */
  readonly latePieces: number;
}

const DIRECTIONS: readonly Direction[] = ['to-server', 'to-client'];

export class TcpProxy {
  readonly port: number;
  private target: ForwardTarget;
  /** Of connections that are gone. */
  private pastLatePieces = 0;
  private readonly sockets = new Set<Socket>();
  private readonly lanes: Readonly<Record<Direction, Set<Lane>>> = { 'to-server': new Set(), 'to-client': new Set() };
  private readonly lines: Record<Direction, Line> = { 'to-server': WELL, 'to-client': WELL };
  private readonly server: Server;

  constructor(port: number, target: ForwardTarget) {
    this.port = port;
    this.target = target;
    // Half open: whoever has said his last word may still be waiting for an answer that is on its way.
    this.server = createServer({ allowHalfOpen: true }, (client) => this.join(client));
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

  /** From now on, also for connections there are. What is already on its way arrives as it was sent. */
  set(line: Partial<Line>, directions: readonly Direction[] = DIRECTIONS): void {
    for (const direction of directions) {
      this.lines[direction] = { ...this.lines[direction], ...line };
      for (const lane of this.lanes[direction]) lane.set(this.lines[direction]);
    }
  }

  /** As if nothing had ever been wrong with it. */
  mend(): void {
    this.set(WELL);
  }

  /** Every connection breaks off without a farewell; new ones are welcome. Answers how many there were. */
  reset(): number {
    const open = [...this.sockets];
    for (const socket of open) socket.resetAndDestroy();
    return open.length / 2;
  }

  get facts(): LineFacts {
    const lanes = DIRECTIONS.flatMap((direction) => [...this.lanes[direction]]);
    return {
      connections: this.lanes['to-server'].size,
      heldBytes: lanes.reduce((sum, { heldBytes }) => sum + heldBytes, 0),
      latePieces: lanes.reduce((sum, { latePieces }) => sum + latePieces, this.pastLatePieces),
    };
  }

  close(): Promise<void> {
    this.end();
    return new Promise((resolve) => {
      this.server.close(() => resolve());
    });
  }

  private join(client: Socket): void {
    const { host, port } = this.target;
    const server = connect({ host, port, allowHalfOpen: true });
    this.link('to-server', client, server);
    this.link('to-client', server, client);
  }

  private link(direction: Direction, from: Socket, to: Socket): void {
    const lane = new Lane(from, to, this.lines[direction]);
    this.lanes[direction].add(lane);
    this.sockets.add(from);
    from.setNoDelay(true);
    from.on('error', () => to.destroy());
    from.on('close', () => {
      lane.end();
      this.pastLatePieces += lane.latePieces;
      this.lanes[direction].delete(lane);
      this.sockets.delete(from);
      to.destroy();
    });
  }

  private end(): void {
    for (const socket of this.sockets) socket.destroy();
  }
}
