/** What `els dlq` does about dead letters: which are meant, and which of them the service would set aside again. */
import type { DeadLetterAdmin, DeadLetterFilter, ReplayCounts, StoredDeadLetter } from '../admin/deps.ts';
import { deadLetterTopic, INBOUND, topicsFor } from '../contract/topics.ts';
import { AppError } from '../errors.ts';
import { type KafkaDeadLetterLog, newestOf } from '../kafka/dead-letter-log.ts';
import type { DeadLetterContent } from '../kafka/dead-letter-reader.ts';
import { type Decoded, type DecodeLimits, decodeRecord } from '../worker/settle/decode.ts';

export function deadLetterAdmin(log: KafkaDeadLetterLog, prefix: string, limits: DecodeLimits): DeadLetterAdmin {
  const topics = INBOUND.map((name) => topicsFor(prefix)[name]);
  const topicsOf = ({ topic }: DeadLetterFilter) => {
    if (topic === undefined) return topics;
    if (topics.includes(topic)) return [topic];
    throw new AppError('INVALID_INPUT', `there is no topic ${topic}, only ${topics.join(', ')}`);
  };
  const decode = (letter: DeadLetterContent) => decodeLetter(letter, limits);
  return {
    list: async (filter, lettersMax) => {
      const letters: StoredDeadLetter[] = [];
      for (const topic of topicsOf(filter)) {
        if (filter.position !== undefined) {
          const letter = await log.show({ topic, ...filter.position });
          if (letter !== undefined) letters.push(storedLetter(topic, letter));
          continue;
        }
        const { partition } = filter;
        const choose = isNarrow(filter) ? (letter: DeadLetterContent) => isMeant(letter, filter, decode) : undefined;
        const found = await log.list({
          topic,
          rowsMax: lettersMax,
          ...(partition !== undefined && { partition }),
          ...(choose !== undefined && { choose }),
        });
        letters.push(...found.map((letter) => storedLetter(topic, letter)));
      }
      return newestOf(letters, lettersMax);
    },
    replay: async (filter, { dryRun, perSecondMax, force }, onProgress) => {
      let total: ReplayCounts = { matched: 0, replayed: 0, skipped: 0, before: 0, refused: 0 };
      for (const topic of topicsOf(filter)) {
        const before = total;
        total = await log
          .replay({
            topic,
            choose: (letter) => isMeant(letter, filter, decode),
            isRefused: (letter) => decode(letter).kind === 'rejected',
            recordsPerSecond: perSecondMax,
            dryRun,
            force,
            onProgress: (soFar) => onProgress(sum(before, soFar)),
          })
          .then((report) => sum(before, report));
      }
      return total;
    },
  };
}

/** As the service would, were it sent again. */
function decodeLetter(letter: DeadLetterContent, limits: DecodeLimits): Decoded {
  const record = {
    topic: letter.originalTopic,
    partition: letter.originalPartition,
    offset: letter.originalOffset,
    timestampMs: 0,
    key: letter.keyBytes,
    value: letter.value,
    headers: letter.headers,
  };
  return decodeRecord(record, limits);
}

function isNarrow({ reason, sinceMs, untilMs, batchId }: DeadLetterFilter): boolean {
  return [reason, sinceMs, untilMs, batchId].some((one) => one !== undefined);
}

function isMeant(
  letter: DeadLetterContent,
  { reason, partition, position, sinceMs, untilMs, batchId }: DeadLetterFilter,
  decode: (letter: DeadLetterContent) => Decoded,
): boolean {
  const firstSeenMs = Date.parse(letter.firstSeen);
  if (reason !== undefined && letter.reason !== reason) return false;
  if (partition !== undefined && letter.partition !== partition) return false;
  if (position !== undefined && (letter.partition !== position.partition || letter.offset !== position.offset)) {
    return false;
  }
  if (sinceMs !== undefined && !(firstSeenMs >= sinceMs)) return false;
  if (untilMs !== undefined && !(firstSeenMs < untilMs)) return false;
  return batchId === undefined || batchOf(decode(letter)) === batchId;
}

/** As far as it can be told of what was refused. */
function batchOf(decoded: Decoded): string | undefined {
  if (decoded.kind === 'input') return decoded.input.batchId;
  return decoded.kind === 'rejected' ? decoded.about?.batchId : undefined;
}

function sum(one: ReplayCounts, other: ReplayCounts): ReplayCounts {
  return {
    matched: one.matched + other.matched,
    replayed: one.replayed + other.replayed,
    skipped: one.skipped + other.skipped,
    before: one.before + other.before,
    refused: one.refused + other.refused,
  };
}

/** Members of their own in a letter. */
const TOLD = ['reason', 'detail', 'topic', 'partition', 'offset', 'attempts', 'first-seen', 'instance'];

function otherHeaders(headers: DeadLetterContent['headers']): StoredDeadLetter['headers'] {
  const others = Object.entries(headers).filter(([name]) => !TOLD.some((told) => name === `dlq-${told}`));
  return Object.fromEntries(
    others.map(([name, value]) => [name, Array.isArray(value) ? value.map(String) : String(value)]),
  );
}

function storedLetter(topic: string, letter: DeadLetterContent): StoredDeadLetter {
  return {
    deadLetterTopic: deadLetterTopic(topic),
    partition: letter.partition,
    offset: letter.offset,
    reason: letter.reason,
    detail: letter.detail,
    topic: letter.originalTopic,
    topicPartition: letter.originalPartition,
    topicOffset: letter.originalOffset,
    attempts: letter.attempts,
    firstSeen: letter.firstSeen,
    instance: letter.instance,
    key: letter.key === null ? null : Buffer.from(letter.key),
    value: letter.value,
    headers: otherHeaders(letter.headers),
  };
}
