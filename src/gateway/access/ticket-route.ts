/** Tickets for live connections of browsers, which can show no token: valid for moments, and in no log of any use. */
import type { FastifyInstance } from 'fastify';
import type { LiveTicket } from '../../contract/ingest.ts';
import type { Identification } from './identification.ts';

export function addTicketRoute(server: FastifyInstance, identification: Identification): void {
  server.post('/v1/live/tickets', async (request, reply): Promise<LiveTicket> => {
    const grant = await identification.ticketGrant(request.principal);
    reply.header('cache-control', 'no-store').code(grant === null ? 200 : 201);
    return {
      ticket: grant?.text ?? null,
      expires_at: grant === null ? null : new Date(grant.endsAtMs).toISOString(),
    };
  });
}
