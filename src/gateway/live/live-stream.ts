/**
 * Live progress as server-sent events: each has the version as its id, so a client that comes back says by itself what it
 * has (`Last-Event-ID`).
 */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { AccessDeps } from '../access/access-hooks.ts';
import type { LiveConnection, LiveConnections } from './live-connections.ts';
import type { LiveTexts } from './live-messages.ts';
import { checkOrigin, checkRoom, liveRequest } from './live-requests.ts';

const UNDRAINED_BYTES_MAX = 64 * 1024;
const HEAD = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
};

export function addLiveStream(
  server: FastifyInstance,
  { connections, access }: { readonly connections: LiveConnections; readonly access: AccessDeps },
): void {
  server.get<{ Params: { batch_id: string }; Querystring: { after?: unknown } }>(
    '/v1/batches/:batch_id/live',
    async (request, reply) => {
      checkOrigin(request.headers, access.allowedOrigins);
      const { batchId, after } = liveRequest(
        request.params.batch_id,
        request.headers['last-event-id'] ?? request.query.after,
      );
      checkRoom(connections, request.principal);
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, { ...(reply.getHeaders() as OutgoingHttpHeaders), ...HEAD });
      raw.flushHeaders();
      if (request.method === 'HEAD') {
        raw.end();
        return;
      }
      const opened = connections.add(streamTo(raw), request.principal);
      raw.once('close', () => opened.gone());
      opened.watch(batchId, after);
    },
  );
}

function streamTo(response: ServerResponse): LiveConnection {
  return {
    isDrained: () => response.writableLength < UNDRAINED_BYTES_MAX,
    send: ({ type, version, json }: LiveTexts) => {
      response.write(`id: ${version}\nevent: ${type}\ndata: ${json}\n\n`);
    },
    // Whoever is gone is noticed by TCP, because there is something to be acknowledged.
    ping: () => {
      response.write(': ping\n\n');
      return true;
    },
    close: () => response.end(),
    cut: () => response.destroy(),
  };
}
