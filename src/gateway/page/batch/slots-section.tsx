/** The grid of slots and, of the one that is looked at, who placed what when. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { timeText } from '../parts/format.ts';
import type { BatchSession } from './batch-session.ts';
import { SlotDetail } from './slot-detail.tsx';
import { SlotGrid } from './slot-grid.ts';

export function SlotsSection({ session, expected }: { session: BatchSession; expected: number }) {
  const erasedAt = session.model.status?.erased_at ?? null;
  return (
    <section aria-labelledby="slots">
      <h2 id="slots">Slots</h2>
      {erasedAt === null ? (
        <Slots session={session} expected={expected} />
      ) : (
        <p class="empty">
          Its retention is over: the slots were erased {timeText(Date.parse(erasedAt))}. The counts are those of its
          end.
        </p>
      )}
    </section>
  );
}

function Slots({ session, expected }: { session: BatchSession; expected: number }) {
  const [looked, setLooked] = useState<number | null>(null);
  const host = useGrid(session, expected, setLooked);
  return (
    <>
      <ul class="legend" aria-label="Signs">
        <li>
          <span class="cell open" aria-hidden="true" /> open
        </li>
        <li>
          <span class="cell filled" aria-hidden="true" /> filled
        </li>
        <li>
          <span class="cell failed" aria-hidden="true" /> failed
        </li>
      </ul>
      <SlotDetail session={session} position={looked} />
      {/* Rows and cells are made beside Preact: ten thousand are too many to compare at every change. */}
      {/* biome-ignore lint/a11y/useSemanticElements: a table cannot leave out rows that are not in sight */}
      <div ref={host} class="grid" role="grid" aria-labelledby="slots" aria-readonly="true" />
    </>
  );
}

function useGrid(session: BatchSession, expected: number, onLook: (position: number) => void) {
  const host = useRef<HTMLDivElement>(null);
  const grid = useRef<SlotGrid | null>(null);
  const { model } = session;
  useLayoutEffect(() => {
    if (host.current === null) return undefined;
    const made = new SlotGrid({ host: host.current, statusAt: (position) => model.statusAt(position), onLook });
    grid.current = made;
    return () => made.close();
  }, [model, onLook]);
  const snapshots = useRef(0);
  useLayoutEffect(() => {
    const settled = model.takeSettled();
    grid.current?.resize(expected);
    if (snapshots.current !== model.snapshotCount) {
      snapshots.current = model.snapshotCount;
      grid.current?.repaintAll();
      notePainted(host.current);
    } else {
      grid.current?.repaint(settled.map(({ position }) => position));
    }
    if (host.current !== null) host.current.dataset['version'] = String(model.version);
  });
  return host;
}

/** After the frame that shows them: what somebody who opens the page waits for. */
function notePainted(host: HTMLElement | null): void {
  requestAnimationFrame(() =>
    setTimeout(() => {
      if (host !== null) host.dataset['paintedMs'] ??= String(Math.round(performance.now()));
    }),
  );
}
