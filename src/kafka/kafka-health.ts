/**
 * Tells whether Kafka serves this member: null, or a short reason; rejects when no broker answers. A member that was
 * answered a moment ago is served. Silence alone proves nothing: a rebalance keeps all members waiting for the slowest of
 * them, for as long as the time limit of a rebalance. So in a silence a broker is asked, over a connection of its own:
 * one that hangs takes it and says nothing. Without partitions for longer than a rebalance can take, a member is none.
 */
import type { Kafka } from 'kafkajs';
import { AppError } from '../errors.ts';
import { settledWithin } from '../timing/deadline.ts';
import type { KafkaRecordSource } from './record-source.ts';

/** A member is answered several times a second. */
const SILENCE_MS = 2000;
const ANSWER_MS_MAX = 2000;

export interface KafkaHealthOptions {
  /** A client that does not connect again. */
  readonly kafka: Kafka;
  readonly source: Pick<KafkaRecordSource, 'silentMs' | 'outsideMs'>;
  /** How long a rebalance may take. */
  readonly outsideMsMax: number;
}

export class KafkaHealth {
  private readonly options: KafkaHealthOptions;

  constructor(options: KafkaHealthOptions) {
    this.options = options;
  }

  async check(): Promise<string | null> {
    const { source, outsideMsMax } = this.options;
    if (source.silentMs() > SILENCE_MS) await this.ask();
    const outsideMs = source.outsideMs();
    if (outsideMs <= outsideMsMax) return null;
    return `not a member of the consumer group for ${Math.round(outsideMs / 1000)} s`;
  }

  /**
   * Connecting asks a broker what it can do. The time limit is ours: when a request meets kafkajs's, it tries again and
   * takes the open socket for a connection.
   */
  private async ask(): Promise<void> {
    const admin = this.options.kafka.admin();
    let failure: unknown;
    const connected = admin.connect().catch((error: unknown) => {
      failure = error;
    });
    const isInTime = await settledWithin(connected, ANSWER_MS_MAX);
    admin.disconnect().catch(() => undefined);
    if (!isInTime || failure !== undefined) throw new AppError('UNAVAILABLE', 'no broker answers', { cause: failure });
  }
}
