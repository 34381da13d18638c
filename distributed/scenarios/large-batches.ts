/** What a part needs beyond the defaults for batches that are larger than the service takes unasked. */
import type { PartPlan } from '../engine/part-plan.ts';

const SLOTS_DEFAULT_MAX = 10_000;
/** A registration of 100 000 slots has 4 MB, its completion twice that. */
const LARGE_BYTES_MAX = 20_000_000;
/**
 * Such a registration is one statement that inserts 100 000 rows: on a busy machine it takes longer than the default.
 */
const LARGE_TIMES = {
  STATEMENT_TIMEOUT_MS: '15000',
  QUERY_TIMEOUT_MS: '16000',
  OUTBOX_LEASE_MS: '20000',
  IDLE_IN_TRANSACTION_TIMEOUT_MS: '17000',
  SHUTDOWN_GRACE_MS: '18000',
  KAFKA_SESSION_TIMEOUT_MS: '20000',
  KAFKA_REBALANCE_TIMEOUT_MS: '40000',
};

export function needsOfBatches(slots: number): Pick<PartPlan, 'env' | 'messageBytesMax'> {
  if (slots <= SLOTS_DEFAULT_MAX) return {};
  const limits = { ...LARGE_TIMES, SLOTS_MAX: String(slots), VALUE_BYTES_MAX: String(LARGE_BYTES_MAX) };
  return { env: limits, messageBytesMax: LARGE_BYTES_MAX };
}
