/**
 * The dead letters of a topic, for operators: look at them, and send them again with their original bytes. Nothing is
 * ever deleted from a dead-letter topic. What was sent again is noted in the topic itself, in records that are no
 * letters: the note lives exactly as long as the letters, needs no other server, and is the same for whoever replays.
 * A replay that is killed may have sent up to `NOTED_MAX` letters without a note; the service recognises what it has
 * handled. Topics are named by the topic the records came from.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import { deadLetterTopic } from '../contract/topics.ts';
import { AppError } from '../errors.ts';
import { type DeadLetterContent, DeadLetterReader, REPLAYED_HEADER } from './dead-letter-reader.ts';
import { PartitionSender, type WireMessage } from './partition-sender.ts';

/** Longest writing of one letter. */
const REPLAY_MS_MAX = 10_000;
const HEADER_PREFIX = 'dlq-';
const REPLAYED_FROM = 'replayed-from';
/** Letters in one note. */
const NOTED_MAX = 100;

export class KafkaDeadLetterLog {
  private readonly kafka: Kafka;
  private readonly reader: DeadLetterReader;

  constructor(options: { kafka: Kafka }) {
    this.kafka = options.kafka;
    this.reader = new DeadLetterReader(options.kafka);
  }

  /** The newest `rowsMax` (of those chosen, if somebody chooses) with their bytes, the oldest of them first. */
  async list({ topic, partition, choose, rowsMax }: ListOptions): Promise<DeadLetterContent[]> {
    const from = async (startOf: (low: number, high: number) => number) => {
      const newest = new Map<number, DeadLetterContent[]>();
      let isAll = true;
      await this.reader.read(topic, {
        startOf: ({ partition: own, low, high }) => {
          if (partition !== undefined && partition !== own) return high;
          isAll &&= startOf(low, high) <= low;
          return startOf(low, high);
        },
        visit: async (letter) => {
          if (choose?.(letter) === false) return 'continue';
          const ofPartition = newest.get(letter.partition) ?? [];
          newest.set(letter.partition, ofPartition);
          ofPartition.push(letter);
          if (ofPartition.length > rowsMax) ofPartition.shift();
          return 'continue';
        },
      });
      return { isAll, letters: newestOf([...newest.values()].flat(), rowsMax) };
    };
    if (choose === undefined) {
      const { isAll, letters } = await from((_low, high) => high - rowsMax);
      // Notes of replays stand between the letters.
      if (isAll || letters.length === rowsMax) return letters;
    }
    return (await from((low) => low)).letters;
  }

  /** One letter with its bytes and all its headers; undefined when it is not there. */
  async show(options: { topic: string; partition: number; offset: number }): Promise<DeadLetterContent | undefined> {
    let found: DeadLetterContent | undefined;
    await this.reader.read(options.topic, {
      startOf: ({ partition, high }) => (partition === options.partition ? options.offset : high),
      visit: async (letter) => {
        if (letter.partition === options.partition && letter.offset === options.offset) found = letter;
        return 'stop';
      },
    });
    return found;
  }

  /**
   * Sends chosen letters to the topic they came from, unless they were sent before or would be refused again. Rejects
   * at the first that is not acknowledged.
   */
  async replay(options: ReplayOptions): Promise<ReplayReport> {
    const sentBefore = options.force === true ? new Set<string>() : await this.replayed(options.topic);
    const report = { matched: 0, replayed: 0, skipped: 0, before: 0, refused: 0 };
    const sender = new PartitionSender({ kafka: this.kafka, callMsMax: REPLAY_MS_MAX });
    const notes: string[] = [];
    await sender.connect();
    try {
      await this.reader.read(options.topic, {
        startOf: ({ low }) => low,
        visit: async (letter) => {
          if (!options.choose(letter)) return 'continue';
          report.matched += 1;
          const why = obstacle(letter, options, sentBefore);
          if (why !== undefined) report[why] += 1;
          else if (options.dryRun !== true) {
            await send(sender, replayOf(letter), report.replayed);
            report.replayed += 1;
            notes.push(placeOf(letter));
            if (notes.length >= NOTED_MAX) await note(sender, options.topic, notes.splice(0));
            await delay(1_000 / options.recordsPerSecond);
          }
          options.onProgress?.(report);
          return 'continue';
        },
      });
    } finally {
      if (notes.length > 0) await note(sender, options.topic, notes);
      await sender.disconnect();
    }
    return report;
  }

  private async replayed(topic: string): Promise<Set<string>> {
    const places = new Set<string>();
    await this.reader.read(topic, {
      startOf: ({ low }) => low,
      visit: async () => 'continue',
      note: (replayed) => {
        for (const place of replayed) places.add(place);
      },
    });
    return places;
  }
}

export interface ListOptions {
  readonly topic: string;
  /** Of the dead-letter topic; all when absent. */
  readonly partition?: number;
  readonly choose?: (letter: DeadLetterContent) => boolean;
  readonly rowsMax: number;
}

export interface ReplayOptions {
  readonly topic: string;
  readonly choose: (letter: DeadLetterContent) => boolean;
  /** Whether the service would set it aside again, for what is in it. */
  readonly isRefused: (letter: DeadLetterContent) => boolean;
  readonly recordsPerSecond: number;
  /** Count only. */
  readonly dryRun?: boolean;
  /** Also what was sent before, and what will be refused. */
  readonly force?: boolean;
  /** Called after every letter. */
  readonly onProgress?: (soFar: ReplayReport) => void;
}

export interface ReplayReport {
  readonly matched: number;
  readonly replayed: number;
  /** Letters that are no record: batches that could not be decoded. */
  readonly skipped: number;
  /** Sent by an earlier replay. */
  readonly before: number;
  /** Would be set aside again. */
  readonly refused: number;
}

function obstacle(
  letter: DeadLetterContent,
  { isRefused, force }: ReplayOptions,
  sentBefore: ReadonlySet<string>,
): 'skipped' | 'before' | 'refused' | undefined {
  // All of a record batch, compressed: no record to send.
  if (letter.reason === 'undecodable_batch') return 'skipped';
  if (sentBefore.has(placeOf(letter))) return 'before';
  return force !== true && isRefused(letter) ? 'refused' : undefined;
}

async function send(sender: PartitionSender, message: WireMessage, replayedBefore: number): Promise<void> {
  const [failure] = await sender.send([message]);
  if (!failure) return;
  const done = `${replayedBefore} letters were replayed before`;
  throw new AppError('UNAVAILABLE', `replay stopped: ${done}`, { cause: failure });
}

/** A note that cannot be written costs a repetition, and takes the place of no other failure. */
async function note(sender: PartitionSender, topic: string, places: readonly string[]): Promise<void> {
  const headers = { [REPLAYED_HEADER]: Buffer.from(places.join(' ')) };
  await sender.send([{ topic: deadLetterTopic(topic), key: null, value: null, headers }]);
}

function placeOf({ partition, offset }: DeadLetterContent): string {
  return `${partition}/${offset}`;
}

function replayOf(letter: DeadLetterContent): WireMessage {
  const original = Object.entries(letter.headers).filter(([name]) => !name.startsWith(HEADER_PREFIX));
  const from = `${deadLetterTopic(letter.originalTopic)}/${letter.partition}/${letter.offset}`;
  return {
    topic: letter.originalTopic,
    key: letter.keyBytes,
    value: letter.value,
    headers: { ...Object.fromEntries(original), [REPLAYED_FROM]: Buffer.from(from) },
  };
}

/** In the order in which they were set aside, whatever partition or topic they lie in. */
export function newestOf<Letter extends { readonly firstSeen: string | null }>(
  letters: readonly Letter[],
  countMax: number,
): Letter[] {
  const byTime = letters.toSorted((a, b) => (a.firstSeen ?? '').localeCompare(b.firstSeen ?? ''));
  return byTime.slice(-countMax);
}
