/** What changed from run A to run B, beyond noise. Pure; B is worse if anything in it is. */
import type { Environment } from '../run/environment.ts';
import { type Check, type Gate, type Measurement, measurementOf, type Results, type Verdict } from '../run/results.ts';
import { RunDirectory } from '../run/run-directory.ts';
import { RunDirectoryError } from '../run/run-directory-error.ts';
import { verdictOfCheck } from '../run/verdict.ts';
import { formatUnit } from './format.ts';
import { basisOf, type Change, changeOf, type Direction, type Sampled } from './noise.ts';
import { type Confidence, type LatencyRow, latencyRows, PERCENTILES, percentileName } from './percentile-table.ts';
import { checkWording, gateWording, sentenceCase } from './wording.ts';

const VERDICT_RANKS: Readonly<Record<Verdict, number>> = { invalid: 0, unknown: 1, valid: 2 };

export interface RunResult {
  readonly path: string;
  readonly environment: Environment;
  readonly results: Results;
  readonly latencies: readonly LatencyRow[];
}

export interface Difference {
  readonly kind: 'verdict' | 'check' | 'gate' | 'number' | 'latency';
  readonly name: string;
  readonly before: string;
  readonly after: string;
  /** After divided by before, of numbers. */
  readonly ratio: number | null;
  readonly change: Change | 'only in A' | 'only in B';
  /** How noise was told from change. */
  readonly basis: string;
}

export interface Comparison {
  readonly before: { readonly path: string; readonly runId: string };
  readonly after: { readonly path: string; readonly runId: string };
  readonly isWorse: boolean;
  /** Conditions that differ: a change may be theirs. */
  readonly conditions: readonly { readonly name: string; readonly before: string; readonly after: string }[];
  readonly differences: readonly Difference[];
}

export async function loadRunResult(path: string): Promise<RunResult> {
  const run = await RunDirectory.open(path);
  const results = await run.readResults();
  if (results === null) throw new RunDirectoryError(`${path} has no results.json: judge it with \`check\` first`);
  return { path, environment: run.environment, results, latencies: latencyRows(await run.readLatencies()) };
}

export function compareRuns(before: RunResult, after: RunResult): Comparison {
  const differences = [
    verdictDifference(before.results.verdict, after.results.verdict),
    ...pair(checksOf(before.results), checksOf(after.results), checkDifference),
    ...pair(gatesOf(before.results), gatesOf(after.results), gateDifference),
    ...pair(numbersOf(before.results), numbersOf(after.results), numberDifference),
    ...pair(percentilesOf(before.latencies), percentilesOf(after.latencies), latencyDifference),
  ];
  return {
    before: { path: before.path, runId: before.environment.runId },
    after: { path: after.path, runId: after.environment.runId },
    isWorse: differences.some(({ change }) => change === 'worse'),
    conditions: conditionsOf(before.environment, after.environment),
    differences,
  };
}

function verdictDifference(before: Verdict, after: Verdict): Difference {
  const change = rankChange(VERDICT_RANKS[before], VERDICT_RANKS[after]);
  return { kind: 'verdict', name: 'verdict', before, after, ratio: null, change, basis: '' };
}

function rankChange(before: number, after: number): Change {
  return before === after ? 'same' : after > before ? 'better' : 'worse';
}

/** What only one run has is told and not judged: another scenario asks other questions. */
function pair<T>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  compare: (name: string, before: T | undefined, after: T | undefined) => Difference | null,
): Difference[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].flatMap((name) => compare(name, before.get(name), after.get(name)) ?? []);
}

function checkDifference(name: string, before: Check | undefined, after: Check | undefined): Difference {
  const texts = textsOf(before, after, (check) => `${checkWording(check).word}, ${check.judged} judged`);
  return {
    kind: 'check',
    name,
    ...texts,
    ratio: null,
    basis: '',
    change:
      presence(before, after) ??
      rankChange(answerRank(before && verdictOfCheck(before)), answerRank(after && verdictOfCheck(after))),
  };
}

function answerRank(answer: boolean | 'unknown' | undefined): number {
  return answer === true ? 2 : answer === false ? 0 : 1;
}

/** A gate that is met or missed as before is compared by what it measured. */
function gateDifference(name: string, before: Gate | undefined, after: Gate | undefined): Difference {
  const measured = ({ measured: value, unit }: Gate) => (value === null ? '–' : formatUnit(value, unit));
  const texts = textsOf(before, after, (gate) => `${measured(gate)} (${gateWording(gate).word})`);
  const base = { kind: 'gate' as const, name, ...texts };
  const better = before?.comparison.startsWith('<')
    ? 'lower'
    : before?.comparison.startsWith('>')
      ? 'higher'
      : undefined;
  if (before === undefined || after === undefined)
    return { ...base, ratio: null, basis: '', change: presence(before, after) ?? 'changed' };
  const numbers = numberChange(sampledGate(before), sampledGate(after), better);
  const ranks = rankChange(answerRank(before.passed), answerRank(after.passed));
  return { ...base, ...numbers, ...(ranks === 'same' ? {} : { change: ranks, basis: 'target' }) };
}

function sampledGate({ measured, samples }: Gate): Sampled | undefined {
  return measured === null ? undefined : { value: measured, samples };
}

function numberDifference(name: string, before: Measurement | undefined, after: Measurement | undefined): Difference {
  const texts = textsOf(before, after, ({ value, unit }) => formatUnit(value, unit ?? ''));
  return { kind: 'number', name, ...texts, ...numberChange(before, after, after?.better ?? before?.better) };
}

interface Percentile extends Confidence {
  readonly valueMs: number;
}

/** Beyond 10%, and beyond what the number of samples allows to tell apart. */
function latencyDifference(name: string, before: Percentile | undefined, after: Percentile | undefined): Difference {
  const texts = textsOf(before, after, ({ valueMs }) => formatUnit(valueMs, 'ms'));
  const sampled = (each: Percentile | undefined) => each && { value: each.valueMs };
  const changed = numberChange(sampled(before), sampled(after), 'lower');
  const isJudged = changed.change === 'better' || changed.change === 'worse';
  const overlap = before !== undefined && after !== undefined && areOverlapping(before, after);
  const noise = { change: 'within noise' as const, basis: 'too few samples to tell apart' };
  return { kind: 'latency', name, ...texts, ...changed, ...(isJudged && overlap ? noise : {}) };
}

function areOverlapping(left: Confidence, right: Confidence): boolean {
  return left.lowMs <= right.highMs && right.lowMs <= left.highMs;
}

function numberChange(
  before: Sampled | undefined,
  after: Sampled | undefined,
  better: Direction | undefined,
): Pick<Difference, 'ratio' | 'change' | 'basis'> {
  if (before === undefined || after === undefined)
    return { ratio: null, change: presence(before, after) ?? 'same', basis: '' };
  const ratio = before.value === 0 ? null : after.value / before.value;
  const change = changeOf(before, after, better);
  return { ratio, change, basis: change === 'same' ? '' : basisOf(before, after) };
}

function presence(before: unknown, after: unknown): 'only in A' | 'only in B' | null {
  if ((before === undefined) === (after === undefined)) return null;
  return before === undefined ? 'only in B' : 'only in A';
}

function textsOf<T>(before: T | undefined, after: T | undefined, text: (value: T) => string) {
  return { before: before === undefined ? '–' : text(before), after: after === undefined ? '–' : text(after) };
}

/** By name, with the part's name before it. */
function collect<T>(
  results: Results,
  entries: (judged: Pick<Results, 'checks' | 'gates' | 'numbers'>) => [string, T][],
): Map<string, T> {
  const own = entries(results);
  const parts = (results.parts ?? []).flatMap((part) =>
    entries(part).map(([name, value]): [string, T] => [`${part.name}: ${name}`, value]),
  );
  return new Map([...own, ...parts]);
}

const checksOf = (results: Results) =>
  collect(results, ({ checks }) => checks.map((check): [string, Check] => [`${check.id} ${check.title}`, check]));

const gatesOf = (results: Results) =>
  collect(results, ({ gates }) => gates.map((gate): [string, Gate] => [gate.name, gate]));

const numbersOf = (results: Results) =>
  collect(results, ({ numbers }) =>
    Object.entries(numbers).map(([name, value]): [string, Measurement] => [sentenceCase(name), measurementOf(value)]),
  );

function percentilesOf(latencies: readonly LatencyRow[]): Map<string, Percentile> {
  const entries = latencies.flatMap(({ measure, valuesMs, confidences }) =>
    PERCENTILES.map((percentile, at): [string, Percentile] => {
      const confidence = confidences[at] ?? { lowMs: 0, highMs: Number.POSITIVE_INFINITY };
      return [`${measure} ${percentileName(percentile)}`, { valueMs: valuesMs[at] ?? Number.NaN, ...confidence }];
    }),
  );
  return new Map(entries);
}

function conditionsOf(before: Environment, after: Environment): Comparison['conditions'] {
  const [left, right] = [conditions(before), conditions(after)];
  return [...new Set([...left.keys(), ...right.keys()])]
    .map((name) => ({ name, before: left.get(name) ?? '–', after: right.get(name) ?? '–' }))
    .filter((condition) => condition.before !== condition.after);
}

function conditions({ servers, options, ...environment }: Environment): Map<string, string> {
  const { scenario, tier, seed, instances, stack, commit, node, platform, cores, memoryBytes } = environment;
  const facts = { scenario, tier, seed, instances, stack, commit, node, platform, cores, memoryBytes };
  const versions = Object.entries(servers).map(([name, { version, real }]): [string, string] => [
    name,
    `${version}${real ? '' : ' (stand-in)'}`,
  ]);
  const named = [
    ...Object.entries(facts),
    ...Object.entries(options).map(([name, value]): [string, unknown] => [`option ${name}`, value]),
  ];
  return new Map([
    ...versions,
    ...named.map(([name, value]): [string, string] => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  ]);
}
