/** One line for each batch that is complete, once that is committed; the only line of the ordinary work. */
import type { OutboxRow } from '../../domain/ports.ts';
import type { Logger } from '../../telemetry/logger.ts';

/** Near the beginning of a completion, however many essays it lists. */
const COUNTS = /"provisioned_count":(\d+),"expected_count":(\d+)/;

export function logCompletions(rows: readonly OutboxRow[], completedTopic: string, log: Logger): void {
  for (const { messages } of rows) {
    for (const { topic, key, value } of messages) {
      if (topic !== completedTopic) continue;
      const [, filled, slots] = COUNTS.exec(value) ?? [];
      log.info({ batchId: key, filled: Number(filled), slots: Number(slots) }, 'batch complete');
    }
  }
}
