/** The results of a sample run: nine invariants, three races and two gates, good, broken, unproven or slow as asked. */
import type { Environment } from '../../../distributed/run/environment.ts';
import type { Check, Gate, Problem, Results } from '../../../distributed/run/results.ts';
import { exitCodeOf, gatePasses, mergeVerdict } from '../../../distributed/run/verdict.ts';

export interface SampleJudgement {
  /** Invariants that do not hold. */
  readonly broken: readonly string[];
  /** Multiplies every latency and divides the throughput. */
  readonly slowness: number;
  /** Races seen; below 20 the run proves nothing. */
  readonly racesSeen: number;
  /** The host is too busy to say anything about scaling. */
  readonly isSaturated: boolean;
  readonly fileName: string;
  readonly batches: number;
  readonly inputs: number;
  readonly durationMs: number;
}

export function sampleResults(environment: Environment, judgement: SampleJudgement): Results {
  const { broken, racesSeen, durationMs } = judgement;
  const { runId, scenario, seed, startedAt } = environment;
  const checks = INVARIANTS.map(([id, title, judged]): Check => {
    const problems = broken.includes(id) ? [problem(Date.parse(startedAt), judgement.fileName)] : [];
    return { id, title, verdict: problems.length === 0, judged, problemCount: problems.length, problems };
  });
  const races = [
    { name: 'claims on one batch by two or more instances at once', seen: racesSeen, needed: 20, unit: 'overlaps' },
    { name: 'SKIP LOCKED skips', seen: 87, needed: 1, unit: 'skips' },
    { name: 'unique conflicts', seen: 12, needed: 1, unit: 'conflicts' },
  ];
  const gates = sampleGates(judgement);
  const verdict = mergeVerdict(checks, races);
  const judged = { verdict, durationMs, checks, races, gates, numbers: sampleNumbers(judgement) };
  return { schemaVersion: 1, runId, scenario, seed, startedAt, exitCode: exitCodeOf({ verdict, gates }), ...judged };
}

function sampleGates({ slowness, isSaturated }: SampleJudgement): Gate[] {
  const completionMs = 24 * slowness;
  const ratio = isSaturated ? null : 2.9;
  const source = 'aimed at';
  return [
    {
      name: 'last content to completion, P99',
      measured: completionMs,
      target: 50,
      comparison: '<',
      unit: 'ms',
      passed: gatePasses(completionMs, '<', 50),
      source,
    },
    {
      name: 'capacity of 3 instances over 1',
      measured: ratio,
      target: 2.8,
      comparison: '>=',
      unit: 'x',
      passed: gatePasses(ratio, '>=', 2.8),
      source,
      ...(isSaturated ? { note: 'not measurable: the host is saturated' } : {}),
    },
  ];
}

function sampleNumbers({ inputs, batches, slowness }: SampleJudgement): Results['numbers'] {
  const rates = [1_470, 1_480, 1_495].map((rate) => rate / slowness);
  return {
    inputs: { value: inputs, unit: 'records' },
    inputsPerSecond: { value: 1_480 / slowness, unit: '/s', better: 'higher', samples: rates },
    completions: { value: batches, unit: 'batches' },
    deadlocks: { value: 0, better: 'lower' },
  };
}

function problem(startedAtMs: number, fileName: string): Problem {
  const event = (atMs: number, process: string, text: string) => ({ wallMs: startedAtMs + atMs, process, text });
  return {
    message: `content text-3-1 (${fileName}) took two slots of batch-3: essay-3-1 and essay-3-4`,
    batchId: 'batch-3',
    records: ['slots essay-3-1', 'slots essay-3-4', 'audit 118', 'audit 131'],
    timeline: [
      event(8_020, 'client-1', 'content text-3-1 due'),
      event(8_026, 'worker-1', 'essay-3-1 open -> filled by transaction 7711'),
      event(8_027.5, 'worker-3', 'essay-3-4 open -> filled by transaction 7713'),
    ],
  };
}

const INVARIANTS: readonly [string, string, number][] = [
  ['I1', 'No content takes two slots, finally or in any prefix of the audit', 18_204],
  ['I2', 'A slot is taken at most once and never freed', 18_204],
  ['I3', 'Every valid input has exactly one disposition', 27_911],
  ['I4', 'Every full batch completes with exactly one event id', 200],
  ['I5', 'No completion before the batch is full', 200],
  ['I6', 'Every full batch has its completion in Kafka', 200],
  ['I7', 'A completion lists exactly the slots filled', 200],
  ['I8', 'Excess only when the batch is full', 4_120],
  ['I11', 'Offsets are committed only past disposed records', 27_911],
];
