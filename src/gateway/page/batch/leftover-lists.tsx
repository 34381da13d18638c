/** What found no slot, and what failed with its reason; in pages, the first again whenever their number changes. */
import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ask } from '../api/requests.ts';
import { timeText } from '../parts/format.ts';

const PAGE = 50;
/** Of the gateway. */
const PAGE_MAX = 1000;
const NEVER = new AbortController().signal;
const RELOAD_MS = 1000;

interface Excess {
  readonly text_storage_id: string;
  readonly file_upload_id: string | null;
  readonly original_file_name: string | null;
  readonly recorded_at: string;
}

interface Failure {
  readonly file_upload_id: string;
  readonly essay_id: string | null;
  readonly original_file_name: string | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly recorded_at: string;
}

export function ExcessList({ batchId, count }: { batchId: string; count: number }) {
  const { items, more } = usePages<Excess>(batchId, 'excess', count, count > 0);
  if (items.length === 0) return null;
  return (
    <Leftovers id="excess" title="Excess" hint="Contents that came when no slot was left." more={more}>
      {items.map((each) => (
        <li key={each.text_storage_id}>
          <strong>{each.original_file_name ?? each.text_storage_id}</strong>
          <span class="quiet">
            text <span class="id">{each.text_storage_id}</span>
            {each.file_upload_id !== null && (
              <>
                {' '}
                · upload <span class="id">{each.file_upload_id}</span>
              </>
            )}
          </span>
          <time dateTime={each.recorded_at}>{timeText(Date.parse(each.recorded_at))}</time>
        </li>
      ))}
    </Leftovers>
  );
}

export function FailureList({ batchId, count, version }: { batchId: string; count: number; version: number }) {
  // Not every failure settles a slot: some are known though no slot has failed.
  const { items, more } = usePages<Failure>(batchId, 'failures', count, version > 0 || count > 0);
  if (items.length === 0) return null;
  return (
    <Leftovers id="failures" title="Failures" hint="Uploads that could not be read, with the reason." more={more}>
      {items.map((each) => (
        <li key={each.file_upload_id}>
          <strong>{each.original_file_name ?? each.file_upload_id}</strong>
          <span>
            <span class="badge bad">× {each.error_code ?? 'failed'}</span> {each.error_message}
          </span>
          <span class="quiet">
            {each.essay_id === null ? 'no slot' : `essay ${each.essay_id}`} · upload{' '}
            <span class="id">{each.file_upload_id}</span>
          </span>
          <time dateTime={each.recorded_at}>{timeText(Date.parse(each.recorded_at))}</time>
        </li>
      ))}
    </Leftovers>
  );
}

interface LeftoversProps {
  readonly id: string;
  readonly title: string;
  readonly hint: string;
  readonly more: (() => void) | null;
  readonly children: ComponentChildren;
}

function Leftovers({ id, title, hint, more, children }: LeftoversProps) {
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <p class="quiet">{hint}</p>
      <ul class="leftovers">{children}</ul>
      {more !== null && (
        <button type="button" onClick={more}>
          More
        </button>
      )}
    </section>
  );
}

/** While the number changes the list is asked for again, as long as it is shown, now and then. */
function usePages<Item>(batchId: string, name: string, count: number, isAsked: boolean) {
  const [state, setState] = useState<{ items: readonly Item[]; next: string | null }>({ items: [], next: null });
  const shown = useRef(0);
  const timer = useRef<number | undefined>(undefined);
  const load = useCallback(
    async (limit: number, after: string | null) => {
      const from = after === null ? '' : `&after=${encodeURIComponent(after)}`;
      const path = `/v1/batches/${encodeURIComponent(batchId)}/${name}?limit=${limit}${from}`;
      const answer = await ask<Record<string, Item[]> & { next: string | null }>(path, NEVER).catch(() => null);
      if (answer === null) return;
      const { body } = answer;
      const found = body[name] ?? [];
      setState((before) => {
        const items = after === null ? found : [...before.items, ...found];
        shown.current = items.length;
        return { items, next: body.next };
      });
    },
    [batchId, name],
  );
  // Another count is another list.
  useEffect(() => {
    if (!isAsked || timer.current !== undefined) return;
    timer.current = window.setTimeout(() => {
      timer.current = undefined;
      void load(Math.min(PAGE_MAX, Math.max(PAGE, shown.current)), null);
    }, RELOAD_MS);
  }, [load, count, isAsked]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const { items, next } = state;
  return { items, more: next === null ? null : () => void load(PAGE, next) };
}
