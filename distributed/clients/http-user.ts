/**
 * Somebody who uploads into one batch by HTTP and writes down every answer. With a key the same is asked again until it
 * is accepted, as a client should; without a key too, and then the service has to see that it is the same text.
 */
import { once } from 'node:events';
import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { AnswerRecord, ClientNote } from '../run/client-record.ts';

const ANSWER_MS_MAX = 10_000;
const RETRY_MS = 100;
const RETRY_MS_MAX = 1_000;
/** Of Node's clients the plain one: fetch takes ten times as long for a post, and would be what is measured. */
const AGENT = new Agent({ keepAlive: true });

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

interface Asking {
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

  private async untilAccepted(asking: Asking): Promise<number> {
    const { signal } = this.options;
    for (let attempt = 1; ; attempt++) {
      const status = await this.ask(asking, attempt);
      if (status === 202) return attempt;
      if (status >= 400 && status < 500 && status !== 429) throw new Error(`${asking.path} is refused with ${status}`);
      await sleep(Math.min(RETRY_MS_MAX, RETRY_MS * attempt), undefined, { signal });
    }
  }

  private async ask({ asked, path, body, key = null }: Asking, attempt: number): Promise<number> {
    const { name, batchId, url, note, signal } = this.options;
    const startedAtMs = performance.now();
    const content = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      ...(content !== undefined && {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(content),
      }),
      ...(key !== null && { 'idempotency-key': key }),
    };
    const method = content === undefined ? 'GET' : 'POST';
    const ending = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS_MAX)]);
    const response = await answerOf(`${url}${path}`, { method, headers, signal: ending }, content);
    const tookMs = Math.round((performance.now() - startedAtMs) * 1_000) / 1_000;
    if (this.hasLeft) throw new Error(`${name} has left`);
    note(name, batchId, { what: 'answer', asked, key, attempt, tookMs, ...response });
    return response.status;
  }
}

async function answerOf(
  url: string,
  options: RequestOptions,
  body: string | undefined,
): Promise<Pick<AnswerRecord, 'status' | 'gateway' | 'eventIds'>> {
  try {
    const sent = request(url, { ...options, agent: AGENT });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const answer = await text(response);
    const { statusCode: status = 0, headers } = response;
    const gateway = String(headers['x-upstream'] ?? new URL(url).host);
    return { status, gateway, eventIds: status === 202 ? eventIdsIn(answer) : [] };
  } catch {
    return { status: 0, gateway: null, eventIds: [] };
  }
}

const accepted = z.object({ event_id: z.string().optional(), event_ids: z.array(z.string()).optional() });

function eventIdsIn(text: string): string[] {
  const { event_id: one, event_ids: several = [] } = accepted.parse(JSON.parse(text));
  return one === undefined ? several : [one, ...several];
}
