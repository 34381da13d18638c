/**
 * Somebody who uploads into one batch by HTTP and writes down every answer. With a key the same is asked again until it
 * is accepted, as a client should; without a key too, and then the service has to see that it is the same text.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { AnswerRecord, ClientNote } from '../run/client-record.ts';

const ANSWER_MS_MAX = 10_000;
const RETRY_MS = 100;
const RETRY_MS_MAX = 1_000;

/** Writes down at once what somebody got. */
export type Note = (client: string, batchId: string, note: ClientNote) => void;

export interface UserOptions {
  readonly name: string;
  readonly batchId: string;
  /** Of the balancer, or of one gateway. */
  readonly url: string;
  /** Where in his own interval he begins, from 0 to 1: people do not post at one beat. */
  readonly phase: number;
  readonly note: Note;
  readonly signal: AbortSignal;
}

interface Request {
  readonly asked: AnswerRecord['asked'];
  readonly path: string;
  readonly body?: unknown;
  readonly key?: string | null;
}

export class HttpUser {
  readonly options: UserOptions;
  private hasLeft = false;

  constructor(options: UserOptions) {
    this.options = options;
  }

  /** Of a batch with so many slots. */
  async register(slots: number): Promise<void> {
    const { batchId } = this.options;
    const body = { batch_id: batchId, course_code: 'ENG5', user_id: 'teacher', essay_count: slots };
    await this.untilAccepted({ asked: 'registration', path: '/v1/batches', body, key: `register ${batchId}` });
  }

  /** The identity makes the content; the key, if there is one, comes from it. Answers how often it had to be asked. */
  upload(identity: string, isKeyed: boolean): Promise<number> {
    const body = { text_storage_id: identity, file_upload_id: `file ${identity}`, original_file_name: 'essay.txt' };
    return this.untilAccepted({ asked: 'contents', path: this.path('contents'), body, key: isKeyed ? identity : null });
  }

  /** A file that did not validate. */
  reportFailure(identity: string): Promise<number> {
    const body = { file_upload_id: identity, original_file_name: 'essay.txt', validation_error_code: 'EMPTY_CONTENT' };
    return this.untilAccepted({ asked: 'failures', path: this.path('failures'), body, key: identity });
  }

  /** Once; the status code, 0 without an answer. */
  readStatus(): Promise<number> {
    return this.ask({ asked: 'status', path: this.path('status') }, 1);
  }

  leave(): void {
    const { name, batchId, note } = this.options;
    note(name, batchId, { what: 'left', atRest: false });
    this.hasLeft = true;
  }

  private path(name: string): string {
    return `/v1/batches/${this.options.batchId}/${name}`;
  }

  private async untilAccepted(request: Request): Promise<number> {
    const { signal } = this.options;
    for (let attempt = 1; ; attempt++) {
      if ((await this.ask(request, attempt)) === 202) return attempt;
      await sleep(Math.min(RETRY_MS_MAX, RETRY_MS * attempt), undefined, { signal });
    }
  }

  private async ask({ asked, path, body, key = null }: Request, attempt: number): Promise<number> {
    const { name, batchId, url, note, signal } = this.options;
    const startedAtMs = performance.now();
    const response = await answerOf(`${url}${path}`, {
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(key !== null && { 'idempotency-key': key }),
      },
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS_MAX)]),
    });
    const tookMs = Math.round((performance.now() - startedAtMs) * 1_000) / 1_000;
    if (this.hasLeft) throw new Error(`${name} has left`);
    note(name, batchId, { what: 'answer', asked, key, attempt, tookMs, ...response });
    return response.status;
  }
}

async function answerOf(
  url: string,
  init: RequestInit,
): Promise<Pick<AnswerRecord, 'status' | 'gateway' | 'eventIds'>> {
  try {
    const response = await fetch(url, init);
    const text = await response.text();
    const gateway = response.headers.get('x-upstream') ?? new URL(url).host;
    return { status: response.status, gateway, eventIds: response.status === 202 ? eventIdsIn(text) : [] };
  } catch {
    return { status: 0, gateway: null, eventIds: [] };
  }
}

const accepted = z.object({ event_id: z.string().optional(), event_ids: z.array(z.string()).optional() });

function eventIdsIn(text: string): string[] {
  const { event_id: one, event_ids: several = [] } = accepted.parse(JSON.parse(text));
  return one === undefined ? several : [one, ...several];
}
