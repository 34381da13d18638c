/** What a batch is: a sign and a word. */
import type { BatchStatusBody } from '../../../contract/http.ts';

const STATES = {
  announced: { sign: '…', word: 'announced', tone: 'plain' },
  open: { sign: '◔', word: 'open', tone: 'open' },
  complete: { sign: '✓', word: 'complete', tone: 'good' },
} as const;

export function StateBadge({ state }: { state: BatchStatusBody['state'] }) {
  const { sign, word, tone } = STATES[state];
  return (
    <span class={`badge ${tone}`}>
      <span aria-hidden="true">{sign}</span> {word}
    </span>
  );
}
