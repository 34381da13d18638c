/**
 * `junit.xml`: one suite per part, one case per check, race and gate. Broken is a failure; unknown is an error, because
 * what is not proven must not look green; a gate that could not be measured is skipped, with the reason.
 */
import { writeFile } from 'node:fs/promises';
import type { Check, Gate, Part, Race, Results } from '../run/results.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { RunDirectoryError } from '../run/run-directory-error.ts';
import { raceHappened, verdictOfCheck } from '../run/verdict.ts';
import { formatUnit } from './format.ts';
import { signOf } from './wording.ts';

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

type Outcome = {
  readonly kind: 'failure' | 'error' | 'skipped';
  readonly message: string;
  readonly text: string;
} | null;

type Judged = Pick<Results, 'checks' | 'races' | 'gates' | 'durationMs'>;

interface Case {
  readonly name: string;
  readonly outcome: Outcome;
}

export async function writeJunit(run: RunDirectory): Promise<string> {
  const results = await run.readResults();
  if (results === null) throw new RunDirectoryError(`${run.path} has no results.json: judge it with \`check\` first`);
  const path = run.file('junit.xml');
  await writeFile(path, buildJunit(results));
  return path;
}

export function buildJunit(results: Results): string {
  const own = casesOf(results).length > 0 ? [suiteOf(results.scenario, results, results.startedAt)] : [];
  const parts = (results.parts ?? []).map((part: Part) =>
    suiteOf(`${results.scenario}.${part.name}`, part, results.startedAt),
  );
  const all = [results, ...(results.parts ?? [])].flatMap(casesOf);
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="${escapeXml(results.runId)}" ${countsOf(all)} time="${results.durationMs / 1_000}">
${[...own, ...parts].join('\n')}
</testsuites>
`;
}

function suiteOf(name: string, judged: Judged, startedAt: string): string {
  const cases = casesOf(judged);
  const lines = cases.map((each) => caseXml(name, each));
  return `  <testsuite name="${escapeXml(name)}" ${countsOf(cases)} time="${judged.durationMs / 1_000}" timestamp="${startedAt}">
${lines.join('\n')}
  </testsuite>`;
}

function casesOf({ checks, races, gates }: Judged): Case[] {
  return [
    ...checks.map((check) => ({ name: `${check.id} ${check.title}`, outcome: checkOutcome(check) })),
    ...races.map((race) => ({ name: `race: ${race.name}`, outcome: raceOutcome(race) })),
    ...gates.map((gate) => ({ name: `gate: ${gate.name}`, outcome: gateOutcome(gate) })),
  ];
}

function checkOutcome(check: Check): Outcome {
  const verdict = verdictOfCheck(check);
  if (verdict === true) return null;
  if (verdict === 'unknown') {
    return { kind: 'error', message: `not proven: ${check.judged} judged`, text: check.note ?? '' };
  }
  const text = check.problems.map((problem) => [problem.message, ...(problem.records ?? [])].join('\n  '));
  return {
    kind: 'failure',
    message: `${check.problemCount} problems in ${check.judged} judged`,
    text: text.join('\n'),
  };
}

function raceOutcome(race: Race): Outcome {
  if (raceHappened(race)) return null;
  return { kind: 'error', message: `seen ${race.seen} ${race.unit}, needed ${race.needed}`, text: '' };
}

function gateOutcome(gate: Gate): Outcome {
  if (gate.passed === true) return null;
  if (gate.passed === 'unknown') return { kind: 'skipped', message: gate.note ?? 'not measurable', text: '' };
  const measured = gate.measured === null ? 'nothing' : formatUnit(gate.measured, gate.unit);
  const target = `${signOf(gate.comparison)} ${formatUnit(gate.target, gate.unit)}`;
  return { kind: 'failure', message: `measured ${measured}, target ${target}`, text: gate.note ?? '' };
}

function caseXml(suite: string, { name, outcome }: Case): string {
  const head = `    <testcase classname="${escapeXml(suite)}" name="${escapeXml(name)}"`;
  if (outcome === null) return `${head}/>`;
  const { kind, message, text } = outcome;
  return `${head}>\n      <${kind} message="${escapeXml(message)}">${escapeXml(text)}</${kind}>\n    </testcase>`;
}

function countsOf(cases: readonly Case[]): string {
  const count = (kind: string) => cases.filter(({ outcome }) => outcome?.kind === kind).length;
  return `tests="${cases.length}" failures="${count('failure')}" errors="${count('error')}" skipped="${count('skipped')}"`;
}

/** XML cannot hold most control characters and lone surrogates at all, not even as references. */
function escapeXml(text: string): string {
  const allowed = [...text].map((char) => (isXmlChar(char.codePointAt(0) ?? 0) ? char : '\ufffd')).join('');
  return allowed.replace(/[&<>"]/g, (char) => ENTITIES[char] ?? char).replace(/\n/g, '&#10;');
}

function isXmlChar(code: number): boolean {
  return (
    code === 9 ||
    code === 10 ||
    code === 13 ||
    (code >= 0x20 && !(code >= 0xd800 && code <= 0xdfff) && code !== 0xfffe && code !== 0xffff)
  );
}
