/**
 * The write path: checked by the worker's schemas, written to Kafka, then answered. It needs Kafka and nothing else.
 * 202 means that every event named in the answer is in Kafka's log; after any other answer the same request may be sent
 * again, and under an Idempotency-Key that makes no second input.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isoTime } from '../../contract/http.ts';
import type { InboundSchemas } from '../../contract/inbound.ts';
import type { InputsAccepted, RegistrationAccepted } from '../../contract/ingest.ts';
import { ID_LENGTH_MAX, isUsableId } from '../../contract/text.ts';
import type { Topics } from '../../contract/topics.ts';
import type { Clock } from '../../domain/ports.ts';
import { AppError } from '../../errors.ts';
import type { Identification } from '../access/identification.ts';
import { registrantsBody } from '../access/registrant.ts';
import { RecentKeys } from './recent-keys.ts';
import type { RecordWriter } from './record-writer.ts';
import { idsOfRequest } from './request-ids.ts';
import { contentsOf, failuresOf, type RequestContext, type RequestedInputs, registrationOf } from './requests.ts';

const KEYS_MAX = 10_000;

export interface IngestDeps {
  readonly writer: RecordWriter;
  /** Compiled once. */
  readonly schemas: InboundSchemas;
  readonly topics: Topics;
  readonly slotsMax: number;
  /** Of an event, and of the body of a request. */
  readonly valueBytesMax: number;
  readonly clock: Clock;
  readonly identification: Identification;
}

export function addIngestRoutes(server: FastifyInstance, deps: IngestDeps): void {
  const recent = new RecentKeys(KEYS_MAX);
  const options = { bodyLimit: deps.valueBytesMax };
  const contextOf = (request: FastifyRequest, path: string): RequestContext => ({
    topics: deps.topics,
    schemas: deps.schemas,
    slotsMax: deps.slotsMax,
    valueBytesMax: deps.valueBytesMax,
    correlationId: request.id,
    nowMs: deps.clock.nowMs(),
    makeId: idsOfRequest({ path, key: request.headers['idempotency-key'], body: request.body ?? null }, recent),
  });

  server.post('/v1/batches', options, async (request, reply): Promise<RegistrationAccepted> => {
    const { principal, body } = request;
    // Two users' keys have nothing to do with each other, and must not lead to one batch.
    const path = principal.isAnybody ? 'batches' : `${principal.subject}\nbatches`;
    const registration = registrationOf(registrantsBody(principal, body), contextOf(request, path));
    await deps.writer.write([registration.message]);
    const grant = await deps.identification.uploadGrant(principal, registration.batchId);
    reply.code(202);
    return {
      ...(grant !== null && { upload_token: grant.text, upload_token_expires_at: isoTime(grant.endsAtMs) }),
      batch_id: registration.batchId,
      essay_ids: [...registration.essayIds],
      event_id: registration.eventId,
      correlation_id: request.id,
    };
  });

  const addInputs = (
    name: 'contents' | 'failures',
    requested: (batchId: string, body: unknown, context: RequestContext) => RequestedInputs,
  ): void => {
    server.post<{ Params: { batch_id: string } }>(
      `/v1/batches/:batch_id/${name}`,
      options,
      async (request, reply): Promise<InputsAccepted> => {
        const batchId = request.params.batch_id;
        if (!isUsableId(batchId, ID_LENGTH_MAX)) throw new AppError('INVALID_INPUT', 'batch_id is not an id');
        const { eventIds, messages } = requested(batchId, request.body, contextOf(request, `${batchId}\n${name}`));
        await deps.writer.write(messages);
        reply.code(202);
        return { batch_id: batchId, event_ids: [...eventIds], correlation_id: request.id };
      },
    );
  };
  addInputs('contents', contentsOf);
  addInputs('failures', failuresOf);
}
