/** Batches as rows: on a phone as cards of the same order. */
import type { BatchListItem } from '../../../contract/http.ts';
import { countText, timeText } from '../parts/format.ts';
import { batchAddress, Link } from '../parts/navigation.tsx';
import { ProgressBar } from '../parts/progress-bar.tsx';
import { StateBadge } from '../parts/state-badge.tsx';

export function BatchRows({ items }: { items: readonly BatchListItem[] }) {
  return (
    <ul class="batches" aria-label="Batches">
      {items.map((batch) => (
        <BatchRow key={batch.batch_id} batch={batch} />
      ))}
    </ul>
  );
}

function BatchRow({ batch }: { batch: BatchListItem }) {
  const { batch_id: batchId, expected_count: expected, filled, failed } = batch;
  const since = batch.completed_at ?? batch.registered_at;
  const facts = [batch.course_code, batch.user_id, batch.org_id].filter((fact) => fact !== null).join(' · ');
  return (
    <li data-batch={batchId}>
      <Link to={batchAddress(batchId)} class="batch">
        <span class="batch-name">
          <span class="id">{batchId}</span>
          <span class="quiet">{facts}</span>
        </span>
        <span class="batch-progress">
          <ProgressBar expected={expected} filled={filled} failed={failed} />
          <span class="quiet">{countsText(batch)}</span>
        </span>
        <StateBadge state={batch.state} />
        <span class="quiet batch-time">
          {since !== null &&
            `${batch.completed_at === null ? 'registered' : 'completed'} ${timeText(Date.parse(since))}`}
        </span>
      </Link>
    </li>
  );
}

function countsText({ expected_count: expected, filled, failed, pending }: BatchListItem): string {
  const parts = [
    expected === null ? 'not registered yet' : `${countText(filled)} of ${countText(expected)} filled`,
    failed > 0 && `${countText(failed)} failed`,
    pending > 0 && `${countText(pending)} pending`,
  ];
  return parts.filter(Boolean).join(' · ');
}
