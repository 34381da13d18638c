import { once } from 'node:events';
import { connect } from 'node:net';
import { errorBody } from '../../src/contract/http.ts';
import { createHttpServer, HttpServer } from '../../src/http/server.ts';
import { httpServerDeps } from '../support/http-server.ts';

const CORRELATION_ID = 'd4f5e6a7-1b2c-4d3e-8f90-a1b2c3d4e5f6';

describe('the correlation id', () => {
  const server = createHttpServer(httpServerDeps().deps);

  test('of the caller is on the answer', async () => {
    const reply = await server.inject({ url: '/live', headers: { 'x-correlation-id': CORRELATION_ID } });
    expect(reply.headers['x-correlation-id']).toBe(CORRELATION_ID);
  });

  test.each(['', 'not-a-uuid', `${CORRELATION_ID} `.repeat(3)])('%p is replaced by a new one', async (given) => {
    const reply = await server.inject({ url: '/live', headers: { 'x-correlation-id': given } });
    expect(reply.headers['x-correlation-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(reply.headers['x-correlation-id']).not.toBe(given);
  });
});

describe('what is refused', () => {
  const server = createHttpServer(httpServerDeps().deps);

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const)('%s is 405 whatever the body', async (method) => {
    for (const url of ['/ready', '/v1/batches/b1/status']) {
      const headers = { 'content-type': 'application/json' };
      const reply = await server.inject({ method, url, headers, payload: '{"a": nonsense' });
      expect(reply.statusCode).toBe(405);
      expect(reply.headers['allow']).toBe('GET, HEAD');
      expect(errorBody.parse(reply.json()).error.code).toBe('METHOD_NOT_ALLOWED');
    }
  });

  test.each(['/', '/v1/batches', '/v1/batches/b1', '/v1/batches//status/x', '/.git/config', '/v1/../etc/passwd'])(
    '%s is 404 in the error body',
    async (url) => {
      const reply = await server.inject(url);
      expect(reply.statusCode).toBe(404);
      expect(errorBody.parse(reply.json()).error.code).toBe('RESOURCE_NOT_FOUND');
    },
  );

  test('a bad percent encoding is 400 in the error body', async () => {
    const reply = await server.inject({
      url: '/v1/batches/%zz/status',
      headers: { 'x-correlation-id': CORRELATION_ID },
    });
    expect(reply.statusCode).toBe(400);
    expect(errorBody.parse(reply.json()).error.correlation_id).toBe(CORRELATION_ID);
  });

  test('HEAD is answered like GET, without a body', async () => {
    const reply = await server.inject({ method: 'HEAD', url: '/live' });
    expect([reply.statusCode, reply.payload]).toEqual([200, '']);
  });
});

describe('on a port', () => {
  async function raw(port: number, request: string): Promise<string> {
    const socket = connect(port, '127.0.0.1');
    let reply = '';
    socket.on('data', (chunk) => {
      reply += String(chunk);
    });
    socket.write(request);
    await once(socket, 'close');
    return reply;
  }

  test('starts on a free port, answers, and stops for good; start and stop may be repeated', async () => {
    const server = new HttpServer({ ...httpServerDeps().deps, host: '127.0.0.1', port: 0, isPortChosen: true });
    await server.start();
    await server.start();
    expect(server.port).toBeGreaterThan(0);
    const reply = await fetch(`http://127.0.0.1:${server.port}/live`);
    expect(reply.status).toBe(200);
    const { port } = server;
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
    await expect(fetch(`http://127.0.0.1:${port}/live`)).rejects.toThrow();
  });

  test('a port in use is a failed start that names the port', async () => {
    const { deps } = httpServerDeps();
    const first = new HttpServer({ ...deps, host: '127.0.0.1', port: 0, isPortChosen: true });
    await first.start();
    const second = new HttpServer({ ...deps, host: '127.0.0.1', port: first.port, isPortChosen: true });
    await expect(second.start()).rejects.toMatchObject({ message: `cannot listen on 127.0.0.1:${first.port}` });
    await second.stop();
    await first.stop();
  });

  test('a port that nobody chose and somebody has is left to him: several workers run on one machine', async () => {
    const { deps } = httpServerDeps();
    const first = new HttpServer({ ...deps, host: '127.0.0.1', port: 0, isPortChosen: true });
    await first.start();
    const second = new HttpServer({ ...deps, host: '127.0.0.1', port: first.port, isPortChosen: false });
    await second.start();
    expect(second.port).not.toBe(first.port);
    expect((await fetch(`http://127.0.0.1:${second.port}/live`)).status).toBe(200);
    await second.stop();
    await first.stop();
  });

  test('what is not HTTP is 400, too large headers are 431, both in the error body', async () => {
    const server = new HttpServer({ ...httpServerDeps().deps, host: '127.0.0.1', port: 0, isPortChosen: true });
    await server.start();
    const nonsense = await raw(server.port, 'nonsense\r\n\r\n');
    const large = await raw(server.port, `GET /live HTTP/1.1\r\nhost: x\r\nx-large: ${'a'.repeat(9000)}\r\n\r\n`);
    await server.stop();
    expect(nonsense).toMatch(/^HTTP\/1\.1 400 /);
    expect(large).toMatch(/^HTTP\/1\.1 431 /);
    for (const reply of [nonsense, large]) {
      expect(errorBody.parse(JSON.parse(reply.split('\r\n\r\n')[1] ?? '')).error.code).toBe('VALIDATION_ERROR');
    }
  });

  test('a request that is still being sent does not hold up a stop', async () => {
    const server = new HttpServer({ ...httpServerDeps().deps, host: '127.0.0.1', port: 0, isPortChosen: true });
    await server.start();
    const slow = connect(server.port, '127.0.0.1');
    slow.on('error', () => {});
    await once(slow, 'connect');
    slow.write('GET /live HTTP/1.1\r\n');
    await (await fetch(`http://127.0.0.1:${server.port}/live`)).text();
    await server.stop();
    slow.destroy();
  });
});
