/** How current the page is, always in sight: a sign, a word, and what happens next. */
import type { Connection } from '../api/connection.ts';
import { timeText } from './format.ts';
import { useNow } from './use-now.ts';

const SIGNS = { connecting: '◌', live: '●', away: '↻', paused: 'Ⅱ' } as const;
const WORDS = { connecting: 'Connecting', live: 'Live', away: 'Reconnecting', paused: 'Paused' } as const;

export function ConnectionBadge({ connection, onRetry }: { connection: Connection; onRetry: () => void }) {
  const nowMs = useNow();
  const { kind } = connection;
  return (
    <div class={`connection ${kind}`} data-connection={kind}>
      {/* The seconds are for eyes: read aloud every second they would be all that is heard. */}
      <p role="status">
        <span class="sign" aria-hidden="true">
          {SIGNS[kind]}
        </span>
        {WORDS[kind]}
        {kind === 'away' && <span aria-hidden="true"> in {secondsUntil(connection.retryAtMs, nowMs)} s</span>}
        {kind === 'away' && <span class="stale"> · stale since {timeText(connection.sinceMs)}</span>}
      </p>
      {kind === 'away' && (
        <button type="button" class="small" onClick={onRetry}>
          Try now
        </button>
      )}
    </div>
  );
}

function secondsUntil(atMs: number, nowMs: number): number {
  return Math.max(0, Math.ceil((atMs - nowMs) / 1000));
}
