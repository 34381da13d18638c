/** Filled, failed and open as parts of one bar; failed is hatched, so that no colour is needed to tell. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import { countText } from './format.ts';

export interface Progress {
  /** Null: not known yet. */
  readonly expected: number | null;
  readonly filled: number;
  readonly failed: number;
}

export function ProgressBar({ expected, filled, failed }: Progress) {
  const total = expected ?? 0;
  const label =
    expected === null
      ? 'not registered yet'
      : `${countText(filled)} filled, ${countText(failed)} failed of ${countText(total)}`;
  return (
    <div
      class={expected === null ? 'bar unknown' : 'bar'}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={total}
      {...(expected === null ? {} : { 'aria-valuenow': filled + failed })}
    >
      <Part name="filled" share={total === 0 ? 0 : filled / total} />
      <Part name="failed" share={total === 0 ? 0 : failed / total} />
    </div>
  );
}

function Part({ name, share }: { name: string; share: number }) {
  const part = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => part.current?.style.setProperty('--share', String(share)), [share]);
  return <div ref={part} class={`bar-${name}`} />;
}
