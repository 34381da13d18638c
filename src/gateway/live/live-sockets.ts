/**
 * Live progress by WebSocket: of one batch, which its address names, or of many, which its client names one by one. Who
 * asks and what is judged before the upgrade, and refused in HTTP; a socket that is open is one that may be. Messages are
 * not compressed: each connection would keep a window of a quarter of a megabyte for it.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { AppError } from '../../errors.ts';
import { type ErrorReply, refusalOf } from '../../http/error-reply.ts';
import { type AccessDeps, checkScope } from '../access/access-hooks.ts';
import type { Principal } from '../access/principal.ts';
import { noSuch } from '../access/refusals.ts';
import { LiveCommands } from './live-commands.ts';
import type { LiveConnection, LiveConnections } from './live-connections.ts';
import { checkOrigin, checkRoom, type LiveRequest, liveRequest } from './live-requests.ts';

const ONE_BATCH = /^\/v1\/batches\/([^/]+)\/live$/;
const MANY_BATCHES = '/v1/live';
/** An id of 200 characters, each of which may be escaped, and little more. */
const MESSAGE_BYTES_MAX = 4096;
const UNDRAINED_BYTES_MAX = 64 * 1024;
const CLOSE_MS_MAX = 2000;

export interface LiveSocketDeps {
  readonly connections: LiveConnections;
  readonly access: AccessDeps;
  readonly errors: ErrorReply;
}

interface Asked {
  /** Null: it will be said. */
  readonly watch: LiveRequest | null;
  readonly ticket: string | undefined;
}

export function addLiveSockets(server: Server, deps: LiveSocketDeps): void {
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MESSAGE_BYTES_MAX,
    clientTracking: false,
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    judge(request, deps).then(
      ({ watch, principal }) => {
        if (socket.destroyed) return;
        // The callback runs at once: a listener that came later would miss the first message.
        sockets.handleUpgrade(request, socket, head, (webSocket) => serve(webSocket, watch, principal, deps));
      },
      (error: unknown) => socket.end(deps.errors.raw(refusalOf(error), randomUUID())),
    );
  });
}

async function judge(request: IncomingMessage, { connections, access }: LiveSocketDeps) {
  const { watch, ticket } = askedBy(request);
  checkOrigin(request.headers, access.allowedOrigins);
  const principal = await access.identification.identify(request.headers, ticket);
  checkScope(principal, 'batches:read');
  if (watch !== null && !(await access.ownership.sees(principal, watch.batchId))) throw noSuch('batch');
  checkRoom(connections, principal);
  return { watch, principal };
}

function askedBy(request: IncomingMessage): Asked {
  const target = request.url ?? '';
  if (!URL.canParse(target, 'http://gateway')) throw new AppError('INVALID_INPUT', 'the path is malformed');
  const { pathname, searchParams } = new URL(target, 'http://gateway');
  const ticket = searchParams.get('ticket') ?? undefined;
  if (pathname === MANY_BATCHES) return { watch: null, ticket };
  const encoded = ONE_BATCH.exec(pathname)?.[1];
  if (encoded === undefined) throw new AppError('NOT_FOUND', 'no such resource');
  return { watch: liveRequest(decoded(encoded), searchParams.get('after')), ticket };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new AppError('INVALID_INPUT', 'the path is malformed');
  }
}

function serve(webSocket: WebSocket, watch: LiveRequest | null, principal: Principal, deps: LiveSocketDeps): void {
  const opened = deps.connections.add(connectionOf(webSocket), principal);
  webSocket.on('error', () => webSocket.terminate());
  webSocket.on('close', () => opened.gone());
  if (watch !== null) {
    opened.watch(watch.batchId, watch.after);
    return;
  }
  const sees = (batchId: string): Promise<boolean> => deps.access.ownership.sees(principal, batchId);
  const commands = new LiveCommands({ opened, sees, answer: (text) => webSocket.send(text) });
  webSocket.on('message', (data, isBinary) => {
    const fault = isBinary ? 'only text' : commands.take(String(data));
    if (fault !== null) webSocket.close(1008, fault);
  });
}

function connectionOf(webSocket: WebSocket): LiveConnection {
  let isAnswering = true;
  webSocket.on('pong', () => {
    isAnswering = true;
  });
  return {
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
}
