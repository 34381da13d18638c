/**
 * `els doctor`: is everything as it must be for a worker to start and run? Asks all servers at once, each within
 * `PROBE_MS_MAX`, so that one that hangs hides nothing of the others; changes nothing. A line for each thing looked at,
 * and for each that is not well what mends it. Exit 1 when something stands in the way, 0 otherwise.
 */
import type { Command } from 'commander';
import { AppError, describeError } from '../errors.ts';
import { settledWithin } from '../timing/deadline.ts';
import type { Finding, Probe } from './deps.ts';
import { type AdminIo, printable, printResult } from './output.ts';

const PROBE_MS_MAX = 10_000;
const MARKS: Readonly<Record<Finding['state'], string>> = { ok: 'ok', warning: 'warn', failed: 'FAIL', skipped: '-' };

export function addDoctorCommand(program: Command, probes: readonly Probe[], io: AdminIo): void {
  program
    .command('doctor')
    .description('look at settings, servers, tables, rights, topics and group, and say what mends what is wrong')
    .action(async (_options: unknown, command: Command) => {
      const findings = (await Promise.all(probes.map(examine))).flat();
      const failed = findings.filter(({ state }) => state === 'failed').length;
      const text = [...findings.map((each, index) => findingLines(each, findings[index + 1])), summary(findings)].join(
        '\n',
      );
      printResult(command, io, { healthy: failed === 0, findings }, text);
      if (failed > 0) throw new Error(`${failed} of ${findings.length} stand in the way of a worker`);
    });
}

/** What the probe found in time; that it found nothing is a finding as well. */
async function examine({ about, mend, alsoAbout, look }: Probe): Promise<readonly Finding[]> {
  const over = new AbortController();
  const found: Finding[] = [];
  const fail = (text: string) => found.push({ about, state: 'failed', text, mend });
  const tell = (finding: Finding) => {
    if (!over.signal.aborted) found.push(finding);
  };
  const looking = look(tell, over.signal).catch((error: unknown) => {
    if (over.signal.aborted) return;
    // Each mistake in the settings has a line of its own already.
    if (error instanceof AppError && error.code === 'CONFIG_INVALID') tell(skipped(about, 'its settings are wrong'));
    else fail(describeError(error));
  });
  const isInTime = await settledWithin(looking, PROBE_MS_MAX);
  over.abort();
  if (!isInTime) fail(`does not answer within ${PROBE_MS_MAX / 1000} s`);
  const unseen = alsoAbout.filter((part) => !found.some((finding) => finding.about === part));
  return [...found, ...unseen.map((part) => skipped(part, `cannot be seen: ${about} first`))];
}

function skipped(about: string, text: string): Finding {
  return { about, state: 'skipped', text, mend: null };
}

/**
 * The mending on a line of its own: it is there to be copied, and a terminal of 80 columns must not cut it. What mends
 * several in a row is said below the last.
 */
function findingLines({ about, state, text, mend }: Finding, next: Finding | undefined): string {
  const line = `${MARKS[state].padEnd(4)}  ${about.padEnd(15)}  ${text.split('\n').map(printable).join(' ')}`;
  return mend === null || mend === next?.mend ? line : `${line}\n${' '.repeat(23)}> ${mend}`;
}

function summary(findings: readonly Finding[]): string {
  const count = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length;
  return `${count('ok')} well, ${count('warning')} unwise, ${count('failed')} in the way, ${count('skipped')} not seen`;
}
