import type { Input } from '../../domain/inputs.ts';
import type { InboundRecord } from '../../domain/ports.ts';
import { partsOf } from '../../telemetry/trace-context.ts';

/** What is known of one input beside its place. */
export interface InputIdentity {
  readonly batchId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly traceparent: string | null;
}

/**
 * The fields by which a log line about one input is found: its place in the log of Kafka, its batch, its correlation and
 * its trace. Ids only; names, texts and whatever else people wrote never reach a log.
 */
export function inputFields(record: InboundRecord, identity?: InputIdentity | Input): Record<string, unknown> {
  const { topic, partition, offset } = record;
  if (identity === undefined) return { topic, partition, offset };
  const { batchId, correlationId, traceparent } = identity;
  const traceId = traceparent === null ? undefined : partsOf(traceparent).traceId;
  return { topic, partition, offset, batchId, correlationId, traceId };
}
