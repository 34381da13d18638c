/** What only a gateway serves, as paths of OpenAPI. Bodies are named after the schemas of the contract. */
interface Describing {
  answer(description: string, body: string): Record<string, unknown>;
  correlationParameter(): unknown;
  idParameter(name: string): unknown;
}

const BEARER = [{}, { bearer: [] }];

/** Where users are asked who they are. */
function strangers({ answer }: Describing) {
  return {
    '401': answer('No token, or one that is not valid; WWW-Authenticate says what is wrong.', 'Error'),
    '403': answer('Not in the scope of the token, or not for its user.', 'Error'),
  };
}

export function gatewayPaths(describing: Describing) {
  const { answer, correlationParameter, idParameter } = describing;
  const refusals = {
    ...strangers(describing),
    '400': answer('Something in it is wrong; the message names the field.', 'Error'),
    '409': answer('The Idempotency-Key was used for another body, as far as this gateway remembers.', 'Error'),
    '413': answer('It, or an event of it, is too large.', 'Error'),
    '415': answer('It is not JSON.', 'Error'),
    '429': answer('Too much waits for Kafka; try again after Retry-After.', 'Error'),
    '503': answer(
      'Kafka did not acknowledge in time; try again after Retry-After. Nothing is lost or doubled.',
      'Error',
    ),
  };
  const key = {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description: 'The same key and body give the same event ids again, from any gateway.',
    schema: { type: 'string', minLength: 1, maxLength: 200 },
  };
  const post = (operationId: string, summary: string, body: readonly string[], accepted: string, ids: string[]) => {
    const schemas = body.map((name) => ({ $ref: `#/components/schemas/${name}` }));
    const schema = schemas.length === 1 ? schemas[0] : { anyOf: schemas };
    return {
      post: {
        operationId,
        tags: ['gateway'],
        summary,
        security: BEARER,
        parameters: [...ids.map(idParameter), key, correlationParameter()],
        requestBody: { required: true, content: { 'application/json': { schema } } },
        responses: { '202': answer("All of it is in Kafka's log.", accepted), ...refusals },
      },
    };
  };
  return {
    '/v1/batches': {
      ...listBatches(describing),
      ...post('postBatch', 'Registers a batch.', ['RegistrationRequest'], 'RegistrationAccepted', []),
    },
    '/v1/batches/{batch_id}/contents': post(
      'postContents',
      'Contents of a batch, one or up to 1 000.',
      ['ContentsRequest', 'ContentRequest'],
      'InputsAccepted',
      ['batch_id'],
    ),
    '/v1/batches/{batch_id}/failures': post(
      'postFailures',
      'Files that did not validate, one or up to 1 000.',
      ['FailuresRequest', 'FailureRequest'],
      'InputsAccepted',
      ['batch_id'],
    ),
    ...livePaths(describing),
  };
}

function livePaths(describing: Describing) {
  const { answer, correlationParameter, idParameter } = describing;
  return {
    '/v1/batches/{batch_id}/live': {
      get: {
        operationId: 'getLive',
        tags: ['gateway'],
        summary:
          'Progress as it happens: server-sent events, or a WebSocket where one is asked for; the same messages. A WebSocket of /v1/live is for many batches (asyncapi-live.yaml).',
        security: [...BEARER, { ticket: [] }],
        parameters: [
          idParameter('batch_id'),
          {
            name: 'after',
            in: 'query',
            required: false,
            description: 'The version the client has; Last-Event-ID says the same.',
            schema: { type: 'integer', minimum: 0 },
          },
          correlationParameter(),
        ],
        responses: {
          '200': {
            description: 'A stream; the data of each event is a LiveMessage, its id the version.',
            content: { 'text/event-stream': { schema: { $ref: '#/components/schemas/LiveMessage' } } },
          },
          '400': answer('The id or the version is not usable.', 'Error'),
          ...strangers(describing),
          '404': answer("There is no such batch, or it is somebody else's.", 'Error'),
          '429': answer('This user has as many live connections as one may.', 'Error'),
          '503': answer('This gateway has as many live connections as it takes.', 'Error'),
        },
      },
    },
    '/v1/gateways': {
      get: {
        operationId: 'listGateways',
        tags: ['gateway'],
        summary: 'The gateways that were there within the last 45 seconds, for operators.',
        security: BEARER,
        parameters: [correlationParameter()],
        responses: {
          '200': answer('As this one knows them.', 'Gateways'),
          ...strangers(describing),
          '503': answer('Redis does not answer, which knows them.', 'Error'),
        },
      },
    },
    '/v1/live/tickets': {
      post: {
        operationId: 'postLiveTicket',
        tags: ['gateway'],
        summary: 'A ticket for live connections of a browser, which can show no token.',
        security: BEARER,
        parameters: [correlationParameter()],
        responses: {
          '200': answer('Nobody needs one here.', 'LiveTicket'),
          '201': answer('It is valid for 30 seconds, in the parameter `ticket`.', 'LiveTicket'),
          ...strangers(describing),
        },
      },
    },
  };
}

function listBatches(describing: Describing) {
  const { answer, correlationParameter } = describing;
  const query = (name: string, description: string, schema: object = { type: 'string', minLength: 1 }) => {
    return { name, in: 'query', required: false, description, schema };
  };
  return {
    get: {
      operationId: 'listBatches',
      tags: ['gateway'],
      summary: 'Batches, the newest first; with q, those whose id begins with it, in order of their ids.',
      security: BEARER,
      parameters: [
        query('state', 'Only these.', { enum: ['announced', 'open', 'complete'] }),
        query('course', 'Only those of this course.'),
        query('owner', 'Only those of this user.'),
        query('registered_since', 'Only those registered then or later: a date, or a time with its zone.'),
        query('q', 'Beginning of the id. A page may then hold fewer than it could, and still not be the last.'),
        query('after', '`next` of the page before, of the same search.'),
        query('limit', 'Batches of a page at most.', { type: 'integer', minimum: 1, maximum: 200, default: 50 }),
        correlationParameter(),
      ],
      responses: {
        '200': answer('A page of them.', 'BatchList'),
        ...strangers(describing),
        '400': answer('A parameter is wrong; the message names it.', 'Error'),
        '429': answer('More requests than this process answers per second.', 'Error'),
        '503': answer('The database does not answer, or not as fast as it is asked; try again.', 'Error'),
      },
    },
  };
}
