/**
 * Serves the live page: one document for `/` and each batch, and its assets. Guarantees: during an upgrade a
 * document of one gateway works with the assets of another: an asset is answered whatever version is asked for, and only
 * the asked one may be kept. It is for anybody: what it shows it asks for with its user's rights.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { AppError } from '../../errors.ts';
import type { Page, PageFiles } from './page-files.ts';

const FOR_EVER = 'public, max-age=31536000, immutable';

export function addFileRoutes(server: FastifyInstance, pageFiles: PageFiles): void {
  for (const path of ['/', '/batches/:batch_id']) {
    server.get(path, async (request, reply) => {
      const { html, hash } = await pageFiles.read();
      const tag = `"${hash}"`;
      reply.headers({ 'cache-control': 'no-cache', etag: tag });
      if (request.headers['if-none-match'] === tag) return reply.code(304).send();
      return reply.type('text/html; charset=utf-8').send(html);
    });
  }
  server.get<{ Params: { file: string }; Querystring: { v?: unknown } }>('/assets/:file', async (request, reply) => {
    const page = await pageFiles.read();
    return sendAsset(reply, page, request.params.file, request.query.v === page.hash);
  });
}

function sendAsset(reply: FastifyReply, page: Page, name: string, isAskedVersion: boolean): FastifyReply {
  const file = page.files.get(name);
  if (file === undefined) throw new AppError('NOT_FOUND', 'no such resource');
  reply.header('cache-control', isAskedVersion ? FOR_EVER : 'no-cache');
  return reply.type(file.type).send(file.text);
}
