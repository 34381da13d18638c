/** The words and signs of a verdict: always sign and word, never colour alone. The same in terminal, page and JUnit. */
import type { Check, Gate, Results, Verdict } from '../run/results.ts';
import { EXIT, raceHappened, verdictOfCheck } from '../run/verdict.ts';
import { countOf } from './format.ts';

const SIGNS: Readonly<Record<Exclude<Tone, 'plain'>, string>> = { good: '✓', bad: '✗', open: '?' };

/** Plain is for what needs no attention. */
export type Tone = 'good' | 'bad' | 'open' | 'plain';

export interface Wording {
  readonly tone: Tone;
  readonly sign: string;
  readonly word: string;
}

export function wordingOf(verdict: Verdict): Wording {
  const tone = verdict === 'valid' ? 'good' : verdict === 'invalid' ? 'bad' : 'open';
  return { tone, sign: SIGNS[tone], word: verdict };
}

export function checkWording(check: Pick<Check, 'verdict' | 'judged'>): Wording {
  return answerWording(verdictOfCheck(check), 'held', 'broken');
}

export function gateWording(gate: Pick<Gate, 'passed'>): Wording {
  const wording = answerWording(gate.passed, 'met', 'missed');
  return wording.tone === 'open' ? { ...wording, word: 'not measurable' } : wording;
}

export function raceWording(race: { readonly seen: number; readonly needed: number }): Wording {
  if (race.needed === 0) return { tone: 'plain', sign: '·', word: 'not required' };
  return answerWording(raceHappened({ name: '', unit: '', ...race }) || 'unknown', 'often enough', '', 'too rarely');
}

function answerWording(answer: boolean | 'unknown', yes: string, no: string, open = 'unknown'): Wording {
  const tone = answer === 'unknown' ? 'open' : answer ? 'good' : 'bad';
  return { tone, sign: SIGNS[tone], word: tone === 'good' ? yes : tone === 'bad' ? no : open };
}

/** Why the verdict is what it is, in one sentence. */
export function verdictSentence(results: Results): string {
  const judgedThings = [results, ...(results.parts ?? [])];
  const checks = judgedThings.flatMap((each) => each.checks);
  const races = judgedThings.flatMap((each) => each.races);
  const gates = judgedThings.flatMap((each) => each.gates);
  const tones = checks.map((check) => checkWording(check).tone);
  const judged = checks.reduce((sum, check) => sum + check.judged, 0);
  const broken = checks.filter((check) => check.verdict === false);
  if (broken.length > 0) {
    const problems = broken.reduce((sum, check) => sum + check.problemCount, 0);
    return `${broken.map((check) => check.id).join(', ')} broken: ${countOf(problems, 'problem')} in ${countOf(judged, 'operation')} judged.`;
  }
  const rare = races.filter((race) => !raceHappened(race)).length;
  const open = tones.filter((tone) => tone === 'open').length;
  const reasons = [
    ...(checks.length === 0 ? ['nothing was judged'] : []),
    ...(open > 0 ? [`${countOf(open, 'check')} without an answer`] : []),
    ...(rare > 0 ? [`${countOf(rare, 'race')} seen too rarely to prove anything`] : []),
  ];
  const stopped = results.interrupted ? 'The run was interrupted. ' : '';
  if (results.verdict === 'unknown') return `${stopped}Not proven: ${reasons.join(', ') || 'a part is unknown'}.`;
  const missed = gates.filter((gate) => gate.passed === false).length;
  const raced = races.length === 0 ? '' : ', every race was seen often enough';
  const unmeasured = gates.filter((gate) => gate.passed === 'unknown').length;
  const held = `${stopped}Every check held over ${countOf(judged, 'operation')} judged${raced}.`;
  const gateWords = [
    ...(missed > 0 ? [` ${countOf(missed, 'performance gate')} missed.`] : []),
    ...(unmeasured > 0 ? [` ${countOf(unmeasured, 'performance gate')} not measurable.`] : []),
  ];
  return `${held}${gateWords.join('')}`;
}

export function exitWording(exitCode: number): string {
  const names: Readonly<Record<number, string>> = {
    [EXIT.valid]: 'valid',
    [EXIT.invalid]: 'an invariant is broken',
    [EXIT.usage]: 'wrong usage',
    [EXIT.environment]: 'the environment did not start',
    [EXIT.unknown]: 'not enough evidence',
    [EXIT.gateMissed]: 'a performance gate was missed',
    [EXIT.interrupted]: 'interrupted',
  };
  return names[exitCode] ?? 'unknown exit code';
}

export function signOf(comparison: Gate['comparison']): string {
  return { '<=': '≤', '>=': '≥', '<': '<', '>': '>', '=': '=' }[comparison];
}

/** `inputsPerSecond` as `inputs per second`. */
export function sentenceCase(name: string): string {
  return name
    .replace(/[_-]/g, ' ')
    .replace(/([a-z0-9])([A-Z])/g, (_, left: string, right: string) => `${left} ${right.toLowerCase()}`);
}
