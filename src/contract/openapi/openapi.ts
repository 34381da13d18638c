/** The HTTP API as an OpenAPI 3.1 document, its bodies made from the schemas of the contract. */
import {
  batchListBody,
  batchStatusBody,
  errorBody,
  essayStatusBody,
  gatewaysBody,
  healthBody,
  infoBody,
  liveBody,
  readyBody,
} from '../http.ts';
import {
  contentRequest,
  contentsRequest,
  failureRequest,
  failuresRequest,
  inputsAccepted,
  liveTicket,
  registrationAccepted,
  registrationRequest,
} from '../ingest.ts';
import { jsonSchema } from '../json-schema.ts';
import { liveMessage } from '../live.ts';
import { gatewayPaths } from './gateway-paths.ts';

const ID_LENGTH_MAX = 200;

const BODIES = {
  BatchStatus: batchStatusBody,
  BatchList: batchListBody,
  EssayStatus: essayStatusBody,
  Error: errorBody,
  Health: healthBody,
  Ready: readyBody,
  Live: liveBody,
  Info: infoBody,
  RegistrationRequest: registrationRequest,
  RegistrationAccepted: registrationAccepted,
  ContentRequest: contentRequest,
  ContentsRequest: contentsRequest,
  FailureRequest: failureRequest,
  FailuresRequest: failuresRequest,
  InputsAccepted: inputsAccepted,
  LiveMessage: liveMessage,
  LiveTicket: liveTicket,
  Gateways: gatewaysBody,
};

export function openApi(version: string) {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Essay Lifecycle Service',
      version,
      description:
        'Read API and probes of a worker and of a gateway, and what only a gateway serves. Any other method is 405, any other path 404, both in the error body. A process answers a bounded number of requests per second and has a bounded number of connections, of which the quietest gives way; a crowd waits, then gets 429 on any path.',
    },
    servers: [{ url: 'http://localhost:3000', description: 'A worker with default settings.' }],
    // Of a gateway with GATEWAY_AUTH=jwt; without it, and of a worker, nobody is asked.
    security: [],
    tags: [
      { name: 'status', description: 'What became of batches and essays.' },
      { name: 'gateway', description: 'Inputs and live progress; served by a gateway, not by a worker.' },
      { name: 'operation', description: 'Probes, metrics and identity of one process.' },
    ],
    paths: {
      ...statusPaths(),
      ...operationPaths(),
      ...gatewayPaths({
        answer: (text, body) => answer(text, body as keyof typeof BODIES),
        correlationParameter,
        idParameter,
      }),
    },
    components: {
      schemas: Object.fromEntries(Object.entries(BODIES).map(([name, body]) => [name, jsonSchema(body, 'output')])),
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description:
            'sub, org_id and scope (batches:read, batches:write, batches:write:all, operate) of a user or a service; for uploads the upload_token of their batch. Asked for by gateways with GATEWAY_AUTH=jwt.',
        },
        ticket: {
          type: 'apiKey',
          in: 'query',
          name: 'ticket',
          description: 'Of POST /v1/live/tickets; opens live connections for 30 seconds.',
        },
      },
      headers: {
        CorrelationId: {
          description: 'Of the request where that was a UUID, else a new one; on every answer.',
          schema: { type: 'string', format: 'uuid' },
        },
      },
      parameters: {
        CorrelationId: {
          name: 'X-Correlation-ID',
          in: 'header',
          required: false,
          description: 'Found again on the answer and in the log.',
          schema: { type: 'string', format: 'uuid' },
        },
      },
    },
  };
}

function statusPaths() {
  const failures = {
    '400': answer('The id is not usable.', 'Error'),
    '404': answer('There is none.', 'Error'),
    '429': {
      ...answer('More requests than this process answers per second (HTTP_READS_PER_SECOND_MAX).', 'Error'),
      headers: { ...correlated(), 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } },
    },
    '500': answer('A mistake of the service; the log has it under the correlation id.', 'Error'),
    '503': {
      ...answer('The database does not answer, or not as fast as it is asked; try again.', 'Error'),
      headers: { ...correlated(), 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } },
    },
  };
  return {
    '/v1/batches/{batch_id}/status': {
      get: {
        operationId: 'getBatchStatus',
        tags: ['status'],
        summary: 'Counts, progress and completion of a batch.',
        parameters: [idParameter('batch_id'), correlationParameter()],
        responses: {
          '200': answer(
            'The batch as the database has it now. Its ETag as If-None-Match is answered with 304 while nothing changed.',
            'BatchStatus',
          ),
          ...failures,
        },
      },
    },
    '/v1/essays/{essay_id}/status': {
      get: {
        operationId: 'getEssayStatus',
        tags: ['status'],
        summary: 'The slot of an essay and what is in it.',
        parameters: [idParameter('essay_id'), correlationParameter()],
        responses: {
          '200': answer(
            'The slot as the database has it now. Its ETag as If-None-Match is answered with 304 while nothing changed.',
            'EssayStatus',
          ),
          ...failures,
        },
      },
    },
  };
}

function operationPaths() {
  const health = (operationId: string, summary: string) =>
    operation(operationId, summary, {
      '200': answer('Every dependency it needs answers, and work flows. Without Redis it is degraded.', 'Health'),
      '503': answer('The database or Kafka does not answer, or nothing could be resolved for long.', 'Health'),
    });
  return {
    '/health': health('getHealth', 'Health of the process and its dependencies.'),
    '/healthz': health('getHealthz', 'The same under the name that existing callers use.'),
    '/ready': operation('getReadiness', 'Whether work can be done, as seen within the last seconds.', {
      '200': answer('It can: brokers answer, the database takes writes, and what comes is resolved.', 'Ready'),
      '503': answer(
        'Starting, draining, or not able to work: `checks` says why. Seen within 10 s, also where a server hangs.',
        'Ready',
      ),
    }),
    '/live': operation('getLiveness', 'Whether the event loop turns; looks at no dependency.', {
      '200': answer('It does.', 'Live'),
    }),
    '/metrics': operation('getMetrics', 'Metrics in the text format of Prometheus.', {
      '200': {
        description: 'All metrics.',
        headers: correlated(),
        content: { 'text/plain': { schema: { type: 'string' } } },
      },
    }),
    '/info': operation('getInfo', 'Who this process is.', { '200': answer('Identity.', 'Info') }),
    '/openapi.json': operation('getDescription', 'This document.', {
      '200': {
        description: 'OpenAPI 3.1 of what a worker and a gateway answer.',
        headers: correlated(),
        content: { 'application/json': { schema: { type: 'object' } } },
      },
    }),
  };
}

function operation(operationId: string, summary: string, responses: Record<string, unknown>) {
  return { get: { operationId, tags: ['operation'], summary, parameters: [correlationParameter()], responses } };
}

function answer(description: string, body: keyof typeof BODIES) {
  const schema = { $ref: `#/components/schemas/${body}` };
  return { description, headers: correlated(), content: { 'application/json': { schema } } };
}

function correlated() {
  return { 'X-Correlation-ID': { $ref: '#/components/headers/CorrelationId' } };
}

function correlationParameter() {
  return { $ref: '#/components/parameters/CorrelationId' };
}

function idParameter(name: string) {
  return {
    name,
    in: 'path',
    required: true,
    description: 'No control characters, no space at the edges.',
    schema: { type: 'string', minLength: 1, maxLength: ID_LENGTH_MAX },
  };
}
