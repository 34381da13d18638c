/** The curve of arrivals; it is drawn again a few times a second at most. */
import { useEffect, useRef } from 'preact/hooks';
import { countText } from '../parts/format.ts';
import { ArrivalsChart } from './arrivals-chart.ts';
import type { BatchModel } from './batch-model.ts';

const REDRAW_MS = 500;

export function ArrivalsSection({ model }: { model: BatchModel }) {
  const host = useRef<HTMLDivElement>(null);
  const hasArrivals = model.arrivals.length > 0;
  useEffect(() => {
    if (host.current === null || !hasArrivals) return undefined;
    const chart = new ArrivalsChart(host.current);
    let drawn = '';
    const draw = () => {
      const isRunning = model.counts?.state === 'open';
      const untilMs = isRunning ? Date.now() + model.clockAheadMs : null;
      const expected = model.counts?.expected_count ?? 0;
      const next = `${model.version} ${expected} ${untilMs}`;
      if (next !== drawn && !document.hidden) chart.draw({ arrivals: model.arrivals, expected, untilMs });
      drawn = next;
    };
    draw();
    const timer = setInterval(draw, REDRAW_MS);
    return () => {
      clearInterval(timer);
      chart.close();
    };
  }, [model, hasArrivals]);
  return (
    <section aria-labelledby="arrivals">
      <h2 id="arrivals">Arrivals</h2>
      {hasArrivals ? (
        <div
          ref={host}
          class="chart"
          role="img"
          aria-label={`Curve of ${countText(model.arrivals.length)} settled slots over time`}
        />
      ) : (
        <p class="empty">The curve begins with the first content.</p>
      )}
    </section>
  );
}
