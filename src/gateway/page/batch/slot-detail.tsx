/** Who placed what when in the slot that is looked at. */
import { useEffect, useState } from 'preact/hooks';
import { ask } from '../api/requests.ts';
import { preciseTimeText } from '../parts/format.ts';
import type { BatchSession } from './batch-session.ts';

const ASK_MS = 150;

export function SlotDetail({ session, position }: { session: BatchSession; position: number | null }) {
  const slot = position === null ? undefined : session.model.slots.get(position);
  const openEssay = useOpenEssay(session.batchId, slot === undefined ? position : null);
  if (position === null) {
    return <p class="slot-detail quiet">Point at a slot, or go there with the arrow keys, to see what is in it.</p>;
  }
  const number = `Slot ${position + 1}`;
  if (slot === undefined) {
    return (
      <p class="slot-detail" aria-live="polite">
        <strong>{number}</strong> <span>open</span>
        {openEssay !== null && (
          <span>
            essay <span class="id">{openEssay}</span>
          </span>
        )}
      </p>
    );
  }
  return (
    <p class="slot-detail" aria-live="polite" data-position={position}>
      <strong>{number}</strong> <span>{slot.status}</span>
      <span>
        essay <span class="id">{slot.essay_id}</span>
      </span>
      {slot.original_file_name !== null && <span>“{slot.original_file_name}”</span>}
      {slot.text_storage_id !== null && (
        <span>
          text <span class="id">{slot.text_storage_id}</span>
        </span>
      )}
      {slot.assigned_by !== null && (
        <span>
          by <span class="id">{slot.assigned_by}</span>
        </span>
      )}
      <time dateTime={slot.assigned_at}>{preciseTimeText(Date.parse(slot.assigned_at))}</time>
      <span class="quiet">version {slot.version}</span>
    </p>
  );
}

/** Live messages tell of slots that are settled: of an open one its essay is asked for when somebody looks at it. */
function useOpenEssay(batchId: string, position: number | null): string | null {
  const [found, setFound] = useState<{ position: number; essayId: string } | null>(null);
  useEffect(() => {
    if (position === null) return undefined;
    const end = new AbortController();
    const after = position === 0 ? '' : `&after=${position - 1}`;
    const timer = setTimeout(async () => {
      const path = `/v1/batches/${encodeURIComponent(batchId)}/slots?limit=1${after}`;
      const answer = await ask<{ slots: { essay_id: string }[] }>(path, end.signal).catch(() => null);
      const essayId = answer?.body.slots[0]?.essay_id;
      if (essayId !== undefined) setFound({ position, essayId });
    }, ASK_MS);
    return () => {
      end.abort();
      clearTimeout(timer);
    };
  }, [batchId, position]);
  return found !== null && found.position === position ? found.essayId : null;
}
