/** The figures of a batch, each with what it means. */
import type { ComponentChildren } from 'preact';
import { cappedText, countText, durationText, rateText, timeText } from '../parts/format.ts';
import { useNow } from '../parts/use-now.ts';
import type { BatchModel } from './batch-model.ts';

/** The service counts no further. */
const COUNT_MAX = 1000;

export function BatchTiles({ model }: { model: BatchModel }) {
  const nowMs = useNow();
  const { counts, status } = model;
  if (counts === null) return null;
  const isComplete = counts.state === 'complete';
  return (
    <dl class="tiles">
      <Tile name="open" note="wait for a content">
        {countText(counts.open)}
      </Tile>
      <Tile name="pending" note="before registration">
        {status === null ? '–' : cappedText(status.pending, COUNT_MAX)}
      </Tile>
      <Tile name="excess" note="found no slot">
        {status === null ? '–' : cappedText(status.excess, COUNT_MAX)}
      </Tile>
      {isComplete ? <CompleteTiles model={model} /> : <PaceTiles model={model} nowMs={nowMs} />}
    </dl>
  );
}

function PaceTiles({ model, nowMs }: { model: BatchModel; nowMs: number }) {
  const rate = model.ratePerSecond(nowMs);
  const open = model.counts?.open ?? 0;
  return (
    <>
      <Tile name="rate" note="over 10 seconds">
        {rateText(rate)}
      </Tile>
      <Tile name="time to go" note={rate === 0 ? 'nothing came lately' : 'if it goes on like this'}>
        {rate === 0 ? '–' : durationText((open / rate) * 1000)}
      </Tile>
    </>
  );
}

function CompleteTiles({ model: { completedAtMs, status } }: { model: BatchModel }) {
  const registeredAtMs = status?.registered_at ? Date.parse(status.registered_at) : null;
  const published = status?.completion?.published;
  return (
    <>
      <Tile
        name="complete"
        note={
          completedAtMs === null || registeredAtMs === null
            ? ''
            : `after ${durationText(completedAtMs - registeredAtMs)}`
        }
      >
        {completedAtMs === null ? '–' : timeText(completedAtMs)}
      </Tile>
      <Tile name="announced" note={published === true ? 'in the log of Kafka' : 'on its way to Kafka'}>
        {published === undefined ? '–' : published ? '✓ published' : '… not yet'}
      </Tile>
    </>
  );
}

function Tile({ name, note, children }: { name: string; note: string; children: ComponentChildren }) {
  return (
    <div data-tile={name}>
      <dt>{name}</dt>
      <dd>{children}</dd>
      <dd class="note">{note}</dd>
    </div>
  );
}
