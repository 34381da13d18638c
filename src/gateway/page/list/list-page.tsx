/** Which batches there are. */
import { useEffect } from 'preact/hooks';
import type { ProblemKind } from '../api/requests.ts';
import { ConnectionBadge } from '../parts/connection-badge.tsx';
import { countText } from '../parts/format.ts';
import { moveTo } from '../parts/navigation.tsx';
import { CannotTell, Loading, Notice } from '../parts/notice.tsx';
import { SignIn } from '../parts/sign-in.tsx';
import { useOpened } from '../parts/use-opened.ts';
import { BatchList } from './batch-list.ts';
import { BatchRows } from './batch-rows.tsx';
import { FilterForm } from './filter-form.tsx';
import { filterOf, queryOf } from './list-filter.ts';

const REFUSALS: readonly ProblemKind[] = ['unauthenticated', 'forbidden', 'refused'];

export function ListPage({ address }: { address: URL }) {
  const filter = filterOf(address);
  const list = useOpened(queryOf(filter), (query, onChange) => new BatchList(query, onChange));
  useEffect(() => {
    document.title = 'Batches';
  }, []);
  return (
    <>
      <header class="top">
        <span class="brand">Essay lifecycle</span>
        <ConnectionBadge connection={list?.connection ?? { kind: 'connecting' }} onRetry={() => list?.retryNow()} />
      </header>
      <main>
        <h1>Batches</h1>
        <FilterForm filter={filter} onChange={(next) => moveTo(addressOf(queryOf(next)), 'replace')} />
        {list !== null && <ListContent list={list} isFiltered={queryOf(filter) !== ''} />}
      </main>
    </>
  );
}

function addressOf(query: string): string {
  return query === '' ? '/' : `/?${query}`;
}

function ListContent({ list, isFiltered }: { list: BatchList; isFiltered: boolean }) {
  const { items, problem, next } = list;
  const isRefused = problem !== null && REFUSALS.includes(problem.kind);
  if (isRefused || items === null) return <Instead list={list} />;
  if (items.length === 0) return isFiltered ? <NoMatch /> : <NoBatch />;
  return (
    <>
      <BatchRows items={items} />
      <p class="list-end">
        <span class="quiet">
          {countText(items.length)} shown{next === null ? ', these are all' : ''}
        </span>
        {next !== null && (
          <button type="button" disabled={list.isMoreAsked} onClick={() => void list.more()}>
            {list.isMoreAsked ? 'Asking…' : 'More'}
          </button>
        )}
      </p>
    </>
  );
}

function Instead({ list }: { list: BatchList }) {
  const { problem } = list;
  switch (problem?.kind) {
    case undefined:
      return <Loading what="the batches" />;
    case 'unauthenticated':
      return <SignIn onToken={() => list.retryNow()} />;
    case 'forbidden':
    case 'refused':
      return (
        <Notice sign="!" title="This search cannot be answered" isAlert>
          <p>{problem.message}</p>
          <ShowAll />
        </Notice>
      );
    default:
      return <CannotTell />;
  }
}

function NoMatch() {
  return (
    <Notice sign="∅" title="No batch matches">
      <p>None has all that the filters ask for.</p>
      <ShowAll />
    </Notice>
  );
}

function NoBatch() {
  const body = '{"batch_id":"first","course_code":"ENG5","user_id":"me","essay_count":30}';
  const command = `curl ${location.origin}/v1/batches -H 'content-type: application/json' \\\n  -d '${body}'`;
  return (
    <Notice sign="▦" title="No batch yet">
      <p>One that is registered appears here by itself:</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <pre tabIndex={0}>
        <code>{command}</code>
      </pre>
    </Notice>
  );
}

function ShowAll() {
  return (
    <button type="button" onClick={() => moveTo('/')}>
      Show all batches
    </button>
  );
}
