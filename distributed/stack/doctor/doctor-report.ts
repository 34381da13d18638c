/** The doctor's findings as a person reads them, and as another program does. */
import { diagnose, type Finding } from './doctor.ts';
import { lookAround } from './machine-facts.ts';

const MARKS = { ok: '+', note: '.', missing: 'x' } as const;

/** Prints the findings to standard output; true if the local stack can start. */
export async function reportMachine(options: { readonly json?: boolean }): Promise<boolean> {
  const findings = diagnose(await lookAround());
  const ready = canStart(findings);
  const text = options.json ? JSON.stringify({ ready, findings }, undefined, 2) : findingsAsText(findings);
  process.stdout.write(`${text}\n`);
  return ready;
}

export function canStart(findings: readonly Finding[]): boolean {
  return findings.every((finding) => finding.state !== 'missing');
}

export function findingsAsText(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map((finding) => finding.name.length));
  const lines = findings.map(({ name, state, found, remedy }) => {
    const advice = remedy === undefined ? '' : `\n  ${' '.repeat(width)}  -> ${remedy}`;
    return `${MARKS[state]} ${name.padEnd(width)}  ${found}${advice}`;
  });
  const missing = findings.filter((finding) => finding.state === 'missing').map((finding) => finding.name);
  const conclusion =
    missing.length === 0 ? 'The local stack can start.' : `The local stack cannot start: ${missing.join(', ')}.`;
  return [...lines, '', conclusion].join('\n');
}
