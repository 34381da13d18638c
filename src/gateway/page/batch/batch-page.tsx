/** One batch, while it fills. */
import { useEffect } from 'preact/hooks';
import { ConnectionBadge } from '../parts/connection-badge.tsx';
import { Link } from '../parts/navigation.tsx';
import { CannotTell, Loading, Notice } from '../parts/notice.tsx';
import { SignIn } from '../parts/sign-in.tsx';
import { useOpened } from '../parts/use-opened.ts';
import { ArrivalsSection } from './arrivals-section.tsx';
import { BatchHeader } from './batch-header.tsx';
import { BatchSession } from './batch-session.ts';
import { BatchTiles } from './batch-tiles.tsx';
import { ExcessList, FailureList } from './leftover-lists.tsx';
import { SlotsSection } from './slots-section.tsx';

export function BatchPage({ batchId }: { batchId: string }) {
  const session = useOpened(batchId, (id, onChange) => new BatchSession(id, onChange));
  useEffect(() => {
    document.title = `${batchId} · Batches`;
  }, [batchId]);
  if (session === null) return null;
  return (
    <>
      <header class="top">
        <nav aria-label="Breadcrumb">
          <Link to="/">Batches</Link> <span aria-hidden="true">/</span> <span class="id">{batchId}</span>
        </nav>
        <ConnectionBadge connection={session.connection} onRetry={() => session.retryNow()} />
      </header>
      <main>
        <BatchContent session={session} />
      </main>
    </>
  );
}

function BatchContent({ session }: { session: BatchSession }) {
  const { model, problem } = session;
  if (model.counts === null) return <Missing session={session} />;
  const { expected_count: expected } = model.counts;
  return (
    <>
      <BatchHeader session={session} />
      {problem?.kind === 'unauthenticated' && <SignIn onToken={() => session.retryNow()} />}
      <BatchTiles model={model} />
      {expected === null ? (
        <Notice sign="…" title="Not registered yet">
          <p>Something of this batch has come before its registration. It waits, and gets its slots with it.</p>
        </Notice>
      ) : (
        <>
          <ArrivalsSection model={model} />
          <SlotsSection session={session} expected={expected} />
        </>
      )}
      <FailureList batchId={session.batchId} count={model.counts.failed} version={model.version ?? 0} />
      <ExcessList batchId={session.batchId} count={model.status?.excess ?? 0} />
    </>
  );
}

function Missing({ session }: { session: BatchSession }) {
  const { problem, batchId } = session;
  switch (problem?.kind) {
    case undefined:
      return <Loading what="the batch" />;
    case 'unknown':
      return (
        <Notice sign="?" title="No such batch">
          <p>
            Nothing is known of <span class="id">{batchId}</span>. If it is registered while this page is open, it
            appears here.
          </p>
          <p>
            <Link to="/">All batches</Link>
          </p>
        </Notice>
      );
    case 'unauthenticated':
      return <SignIn onToken={() => session.retryNow()} />;
    case 'forbidden':
    case 'refused':
      return (
        <Notice sign="!" title="The gateway refuses this question" isAlert>
          <p>{problem.message}</p>
          <p>
            <Link to="/">All batches</Link>
          </p>
        </Notice>
      );
    default:
      return <CannotTell />;
  }
}
