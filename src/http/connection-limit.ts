/**
 * Bounds the connections of a server: its file descriptors are those of Kafka and PostgreSQL, too. A newcomer takes the
 * place of the connection that has asked nothing for longest, so a probe gets in however many others keep theirs open.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

export function limitConnections(server: Server, connectionsMax: number): void {
  /** The one that asked last is the last. */
  const byUse = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    const [quietest] = byUse;
    if (quietest !== undefined && byUse.size >= connectionsMax) {
      byUse.delete(quietest);
      quietest.destroy();
    }
    byUse.add(socket);
    socket.once('close', () => byUse.delete(socket));
  });
  server.on('request', ({ socket }) => {
    if (byUse.delete(socket)) byUse.add(socket);
  });
}
