/**
 * The way into the database for pages and lists: at a bounded rate, and so many at a time as have a connection soon. One
 * more is refused at once: behind a slow database it would only make all others late.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../errors.ts';
import { type ErrorReply, tooMany } from '../../http/error-reply.ts';
import { Pace } from '../../http/pace.ts';

const READS_MAX = 32;
const PACE = { waitMsMax: 1000, burstMs: 250 };

export class ReadGate {
  private readonly pace: Pace;
  private readonly deps: { readonly errors: ErrorReply; readonly readsPerSecondMax: number };
  private readCount = 0;

  constructor(deps: ReadGate['deps']) {
    this.deps = deps;
    this.pace = new Pace({ perSecondMax: deps.readsPerSecondMax, ...PACE });
  }

  readonly onRequest = async (_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    if (await this.pace.turn()) return undefined;
    return this.deps.errors.send(reply, tooMany(this.deps.readsPerSecondMax));
  };

  async run<T>(read: () => Promise<T>): Promise<T> {
    if (this.readCount >= READS_MAX) throw new AppError('UNAVAILABLE', `${READS_MAX} reads are under way`);
    this.readCount += 1;
    try {
      return await read();
    } finally {
      this.readCount -= 1;
    }
  }
}
