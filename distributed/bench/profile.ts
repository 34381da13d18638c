/** A CPU profile by what the time was for. Pure; categories are told by the file that a function is in. */
import { z } from 'zod';
import type { Period } from './stopwatch.ts';

const profileSchema = z.object({
  startTime: z.number(),
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string() }),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

export interface CategoryTime {
  readonly category: string;
  readonly seconds: number;
  /** Of the time in which the thread was not idle. */
  readonly share: number;
}

type Frame = z.infer<typeof profileSchema>['nodes'][number]['callFrame'];

const IDLE = 'idle';
const REST = 'rest';
/** The first that fits. */
const CATEGORIES: readonly (readonly [category: string, fits: (frame: Frame) => boolean])[] = [
  [IDLE, ({ functionName }) => functionName === '(idle)'],
  ['garbage collection', ({ functionName }) => functionName === '(garbage collector)'],
  [
    'kafkajs: encode',
    inFiles(/kafkajs\/src\/(protocol\/(encoder|recordBatch|message)|protocol\/requests\/produce|producer)/),
  ],
  ['kafkajs: fetch, decode', inFiles(/kafkajs\/src\/(protocol\/(decoder|requests\/fetch)|consumer)/)],
  ['kafkajs: rest', inFiles(/kafkajs\//)],
  ['pg client', inFiles(/node_modules\/(pg|pg-[a-z]+|postgres-[a-z]+)\//)],
  ['Redis client', inFiles(/node_modules\/(ioredis|redis-[a-z]+|@ioredis)\/|\/redis\//)],
  ['zod', inFiles(/node_modules\/zod\//)],
  ['metrics, log', inFiles(/node_modules\/(prom-client|pino|sonic-boom|@opentelemetry)|\/telemetry\//)],
  ['contract: ids, JSON', inFiles(/\/contract\//)],
  ['settling', inFiles(/\/(worker\/(intake|settle)|domain)\//)],
  [
    'outbox, publishing',
    inFiles(/\/worker\/outbox\/|\/kafka\/(message-publisher|partition-sender|record-batch|topic-producers)/),
  ],
  ['Kafka adapter', inFiles(/\/kafka\//)],
  ['PostgreSQL adapter', inFiles(/\/postgres\//)],
  [
    'sockets, streams, timers',
    inFiles(/^node:(net|internal\/(stream|streams|timers|process)|_?stream|events|timers|buffer|internal\/buffer)/),
  ],
  ['Node: rest', inFiles(/^node:/)],
  ['native: JSON, crypto, writev', ({ url }) => url === ''],
];

/** Of the samples within the period: what comes before is start-up, what comes after idling. */
export function timeByCategory(text: string, { fromUs, toUs }: Period): CategoryTime[] {
  const { nodes, samples, timeDeltas, startTime } = profileSchema.parse(JSON.parse(text));
  const categoryOf = new Map(nodes.map(({ id, callFrame }) => [id, categorize(callFrame)]));
  const seconds = new Map<string, number>();
  let atUs = startTime;
  samples.forEach((node, index) => {
    const deltaUs = timeDeltas[index] ?? 0;
    atUs += deltaUs;
    const category = categoryOf.get(node) ?? REST;
    if (category === IDLE || atUs < fromUs || atUs > toUs) return;
    seconds.set(category, (seconds.get(category) ?? 0) + deltaUs / 1_000_000);
  });
  const busy = [...seconds.values()].reduce((sum, each) => sum + each, 0);
  return [...seconds]
    .map(([category, each]) => ({ category, seconds: each, share: each / busy }))
    .sort((one, other) => other.seconds - one.seconds);
}

function categorize(frame: Frame): string {
  return CATEGORIES.find(([, fits]) => fits(frame))?.[0] ?? REST;
}

function inFiles(pattern: RegExp): (frame: Frame) => boolean {
  return ({ url }) => pattern.test(url);
}
