/**
 * The result for a terminal or a log: verdict first, then each invariant with what it judged, races, gates, numbers.
 */
import { type Check, type Gate, measurementOf, type Problem, type Race, type Results } from '../run/results.ts';
import { countOf, formatDuration, formatNumber, formatUnit } from './format.ts';
import {
  checkWording,
  exitWording,
  gateWording,
  raceWording,
  sentenceCase,
  signOf,
  verdictSentence,
  wordingOf,
} from './wording.ts';

const PROBLEMS_SHOWN_MAX = 3;

type Judged = Pick<Results, 'checks' | 'races' | 'gates' | 'numbers'>;

export function textSummary(results: Results, reportPath?: string): string {
  const { sign, word } = wordingOf(results.verdict);
  const { scenario, seed, durationMs, exitCode } = results;
  const lines = [
    `${sign} ${word.toUpperCase()}  ${scenario}, seed ${seed}, ${formatDuration(durationMs)}`,
    verdictSentence(results),
    ...judgedLines(results),
    ...(results.parts ?? []).flatMap((part) => {
      const wording = wordingOf(part.verdict);
      const note = part.note === undefined ? '' : ` (${part.note})`;
      return ['', `${wording.sign} ${part.name}: ${wording.word}${note}`, ...judgedLines(part)];
    }),
    '',
    ...(reportPath === undefined ? [] : [`report     ${reportPath}`]),
    `exit code  ${exitCode} (${exitWording(exitCode)})`,
  ];
  return `${lines.join('\n')}\n`;
}

function judgedLines({ checks, races, gates, numbers }: Judged): string[] {
  return [
    ...section('Invariants', checkLines(checks)),
    ...section('Races seen', aligned(races.map(raceCells))),
    ...section('Gates', aligned(gates.map(gateCells))),
    ...section('Numbers', aligned(Object.entries(numbers).map(numberCells))),
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines];
}

function checkLines(checks: readonly Check[]): string[] {
  const held = checks.filter((check) => checkWording(check).tone === 'good');
  const others = checks.filter((check) => !held.includes(check));
  return [...otherLines(others), ...heldLines(held)];
}

/** Those that held are one line: a passed run of several parts would scroll its verdicts away. */
function heldLines(checks: readonly Check[]): string[] {
  if (checks.length === 0) return [];
  const judged = checks.reduce((sum, check) => sum + check.judged, 0);
  return [
    `  ✓  ${countOf(checks.length, 'check')} held over ${formatNumber(judged)} judged`,
    `     ${checks.map(({ id }) => id).join(' ')}`,
  ];
}

function otherLines(checks: readonly Check[]): string[] {
  const heads = aligned(
    checks.map((check) => {
      const { sign, word } = checkWording(check);
      const note = check.note === undefined ? '' : ` (${check.note})`;
      return [sign, check.id, word, `${formatNumber(check.judged)} judged`, `${check.title}${note}`];
    }),
  );
  return checks.flatMap((check, at) => {
    const left = check.problemCount - Math.min(check.problems.length, PROBLEMS_SHOWN_MAX);
    const more = check.problemCount > 0 && left > 0 ? [`       and ${countOf(left, 'more problem')}`] : [];
    return [heads[at] ?? '', ...check.problems.slice(0, PROBLEMS_SHOWN_MAX).flatMap(problemLines), ...more];
  });
}

function problemLines({ message, records = [], timeline = [] }: Problem): string[] {
  const startMs = timeline[0]?.wallMs ?? 0;
  const events = timeline.map(
    ({ wallMs, process, text }) => `         +${formatDuration(wallMs - startMs)} ${process ?? ''} ${text}`,
  );
  const evidence = records.length === 0 ? [] : [`         evidence: ${records.join(', ')}`];
  return [`     - ${message}`, ...events, ...evidence].map(printable);
}

function raceCells(race: Race): string[] {
  const { sign, word } = raceWording(race);
  const needed = race.needed === 0 ? '' : ` of ${formatNumber(race.needed)}`;
  return [sign, word, `${formatNumber(race.seen)}${needed} ${race.unit}`, race.name];
}

function gateCells(gate: Gate): string[] {
  const { sign, word } = gateWording(gate);
  const measured = gate.measured === null ? '–' : formatUnit(gate.measured, gate.unit);
  const note = gate.note === undefined ? '' : ` (${gate.note})`;
  return [
    sign,
    word,
    measured,
    `target ${signOf(gate.comparison)} ${formatUnit(gate.target, gate.unit)}`,
    `${gate.name}${note}`,
  ];
}

function numberCells([name, value]: [string, Results['numbers'][string]]): string[] {
  const { value: number, unit } = measurementOf(value);
  return [' ', sentenceCase(name), formatUnit(number, unit ?? '')];
}

/** Columns as wide as their widest cell; the last one is free. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => {
    const cells = row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)));
    return printable(`  ${cells.join('  ')}`).trimEnd();
  });
}

/** Inputs name files as they like; a terminal must not obey them. */
export function printable(text: string): string {
  return [...text].map((char) => (isControl(char) ? '\ufffd' : char)).join('');
}

function isControl(char: string): boolean {
  const code = char.codePointAt(0) ?? 0;
  return code < 0x20 || (code >= 0x7f && code < 0xa0);
}
