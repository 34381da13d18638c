/**
 * Live progress by WebSocket. What is asked is judged before the upgrade, and refused in HTTP; a socket that is open is
 * one that may be. Messages are not compressed: each connection would keep a window of a quarter of a megabyte for it.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { AppError } from '../../errors.ts';
import { RefusedError } from '../../http/error-reply.ts';
import type { LiveConnection, LiveConnections } from './live-connections.ts';
import { checkOrigin, full, type LiveRequest, liveRequest } from './live-requests.ts';

const PATH = /^\/v1\/batches\/([^/]+)\/live$/;
/** Clients have nothing to say. */
const MESSAGE_BYTES_MAX = 1024;
const UNDRAINED_BYTES_MAX = 64 * 1024;
const CLOSE_MS_MAX = 2000;

export function addLiveSockets(server: Server, connections: LiveConnections): void {
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MESSAGE_BYTES_MAX,
    clientTracking: false,
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    try {
      const { batchId, after } = askedBy(request);
      if (connections.isFull) throw full();
      // The callback runs at once: a listener that came later would miss the first message.
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        const { connection, forgetting } = connectionOf(webSocket);
        forgetting(connections.add(batchId, after, connection));
      });
    } catch (error) {
      refuse(socket, error);
    }
  });
}

function askedBy(request: IncomingMessage): LiveRequest {
  checkOrigin(request.headers);
  const target = request.url ?? '';
  if (!URL.canParse(target, 'http://gateway')) throw new AppError('INVALID_INPUT', 'the path is malformed');
  const { pathname, searchParams } = new URL(target, 'http://gateway');
  const encoded = PATH.exec(pathname)?.[1];
  if (encoded === undefined) throw new AppError('NOT_FOUND', 'no such resource');
  return liveRequest(decoded(encoded), searchParams.get('after'));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new AppError('INVALID_INPUT', 'the path is malformed');
  }
}

function connectionOf(webSocket: WebSocket) {
  let isAnswering = true;
  let forget = () => {};
  webSocket.on('pong', () => {
    isAnswering = true;
  });
  webSocket.on('error', () => webSocket.terminate());
  webSocket.on('close', () => forget());
  const connection: LiveConnection = {
    isDrained: () => webSocket.bufferedAmount < UNDRAINED_BYTES_MAX,
    send: ({ json }) => webSocket.send(json),
    ping: () => {
      const wasAnswering = isAnswering;
      isAnswering = false;
      webSocket.ping();
      return wasAnswering;
    },
    close: (code) => {
      webSocket.close(code);
      setTimeout(() => webSocket.terminate(), CLOSE_MS_MAX).unref();
    },
    cut: () => webSocket.terminate(),
  };
  const forgetting = (how: () => void): void => {
    forget = how;
  };
  return { connection, forgetting };
}

function refuse(socket: Duplex, error: unknown): void {
  const [status, message] = refusalOf(error);
  const body = JSON.stringify({ error: { code: 'VALIDATION_ERROR', message } });
  const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\nconnection: close`;
  socket.end(`${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

function refusalOf(error: unknown): [status: string, message: string] {
  if (error instanceof RefusedError) {
    const { status, message } = error.refusal;
    return [status === 403 ? '403 Forbidden' : '503 Service Unavailable\r\nretry-after: 1', message];
  }
  if (error instanceof AppError)
    return [error.code === 'NOT_FOUND' ? '404 Not Found' : '400 Bad Request', error.message];
  return ['500 Internal Server Error', 'internal error'];
}
