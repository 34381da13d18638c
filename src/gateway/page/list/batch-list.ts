/**
 * The batches of a filter, as many pages as were asked for. Guarantees: what is shown is asked for again every few
 * seconds, so its counts move; a batch is shown once, and a page that was asked for stays.
 */
import type { BatchListBody, BatchListItem } from '../../../contract/http.ts';
import type { Connection } from '../api/connection.ts';
import { RepeatedQuestion } from '../api/repeated-question.ts';
import { type ApiProblem, ask, problemFrom } from '../api/requests.ts';

const PAGE = 50;
/** Of one question; what is shown beyond that is as it was when it was asked for. */
const REFRESHED_MAX = 200;
const REFRESH_MS = 3000;
const RETRY_MS = 5000;

export class BatchList {
  connection: Connection = { kind: 'connecting' };
  problem: ApiProblem | null = null;
  /** Null: not known yet. */
  items: readonly BatchListItem[] | null = null;
  next: string | null = null;
  isMoreAsked = false;
  private readonly query: string;
  private readonly onChange: () => void;
  private readonly refresh: RepeatedQuestion;
  private readonly end = new AbortController();
  private freshAtMs = Date.now();

  constructor(query: string, onChange: () => void) {
    this.query = query;
    this.onChange = onChange;
    this.refresh = new RepeatedQuestion((signal) => this.askShown(signal));
    document.addEventListener('visibilitychange', () => this.followVisibility(), { signal: this.end.signal });
  }

  retryNow(): void {
    this.refresh.soon(0);
  }

  async more(): Promise<void> {
    if (this.next === null || this.isMoreAsked) return;
    this.isMoreAsked = true;
    this.onChange();
    try {
      const page = await this.ask(PAGE, this.next, this.end.signal);
      this.items = merged(this.items ?? [], page.batches);
      this.next = page.next;
    } catch (error) {
      this.problem = problemFrom(error);
    }
    this.isMoreAsked = false;
    this.onChange();
  }

  close(): void {
    this.end.abort();
    this.refresh.stop();
  }

  private async askShown(signal: AbortSignal): Promise<number> {
    const shownCount = this.items?.length ?? 0;
    let waitMs = REFRESH_MS;
    try {
      const page = await this.ask(Math.min(REFRESHED_MAX, Math.max(PAGE, shownCount)), null, signal);
      const isAll = page.next === null || page.batches.length >= shownCount;
      if (isAll) this.next = page.next;
      this.items = isAll ? page.batches : merged(page.batches, this.items ?? []);
      this.problem = null;
      this.freshAtMs = Date.now();
      this.connection = { kind: 'live' };
    } catch (error) {
      if (signal.aborted) return REFRESH_MS;
      waitMs = RETRY_MS;
      this.problem = problemFrom(error);
      this.connection = { kind: 'away', retryAtMs: Date.now() + waitMs, sinceMs: this.freshAtMs };
    }
    this.followVisibility();
    return waitMs;
  }

  private followVisibility(): void {
    if (document.hidden) this.connection = { kind: 'paused' };
    else if (this.connection.kind === 'paused') this.connection = { kind: 'connecting' };
    this.onChange();
  }

  private async ask(limit: number, after: string | null, signal: AbortSignal): Promise<BatchListBody> {
    const query = new URLSearchParams(this.query);
    query.set('limit', String(limit));
    if (after !== null) query.set('after', after);
    return (await ask<BatchListBody>(`/v1/batches?${query}`, signal)).body;
  }
}

function merged(first: readonly BatchListItem[], then: readonly BatchListItem[]): readonly BatchListItem[] {
  const known = new Set(first.map(({ batch_id }) => batch_id));
  return [...first, ...then.filter(({ batch_id }) => !known.has(batch_id))];
}
