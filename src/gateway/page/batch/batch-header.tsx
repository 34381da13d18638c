/** What the batch is, and how far it is. */
import { countText, timeText } from '../parts/format.ts';
import { ProgressBar } from '../parts/progress-bar.tsx';
import { StateBadge } from '../parts/state-badge.tsx';
import type { BatchSession } from './batch-session.ts';

export function BatchHeader({ session: { batchId, model, listed } }: { session: BatchSession }) {
  const { counts, status } = model;
  if (counts === null) return null;
  const { expected_count: expected, filled, failed, state } = counts;
  const facts = [
    listed?.course_code && `course ${listed.course_code}`,
    listed?.user_id && `of ${listed.user_id}`,
    listed?.org_id && `organisation ${listed.org_id}`,
    status?.registered_at && `registered ${timeText(Date.parse(status.registered_at))}`,
  ].filter(Boolean);
  return (
    <section class="batch-head">
      <h1>
        <span class="id">{batchId}</span> <StateBadge state={state} />
      </h1>
      <p class="quiet">{facts.join(' · ')}</p>
      {expected !== null && (
        <p class="figure">
          <strong>{countText(filled)}</strong> of {countText(expected)} filled
          {failed > 0 && <span class="quiet"> · {countText(failed)} failed</span>}
        </p>
      )}
      <ProgressBar expected={expected} filled={filled} failed={failed} />
    </section>
  );
}
