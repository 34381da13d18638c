/** I13 and I14: after the faults everything drains, and nothing stays stuck. */
import { existsSync } from 'node:fs';
import { ACTIVITY_FILE, activitySchema } from '../../collect/activity.ts';
import { readJsonLines } from '../../run/json-lines.ts';
import type { Answer, Checker } from '../checker.ts';
import type { RunEvidence } from '../evidence/run-evidence.ts';

const RECOVERY_MS_MAX = 60_000;
export const everythingDrains: Checker = {
  id: 'I13',
  title: 'Everything drains: no lag, nothing unpublished, within the time to recover',
  async run(run, answer) {
    const consumed = (run.collected?.partitions ?? []).filter(({ committed }) => committed !== undefined);
    if (consumed.length === 0) answer.doubt('committed offsets are not known');
    const { wasGivenTime } = run;
    for (const { topic, partition, low, end, committed } of consumed) {
      const lag = end - (committed ?? low);
      if (lag > 0 && !wasGivenTime) answer.doubt('the run ended before it waited for rest, with records left');
      else
        answer.holds(lag <= 0, () => ({
          message: `${topic}/${partition} has a lag of ${lag}: committed is ${committed ?? 'nothing'}, its end ${end}`,
        }));
    }
    const { unpublished, dead } = run.outbox;
    if (unpublished > 0 && !wasGivenTime)
      answer.doubt('the run ended before it waited for rest, with rows unpublished');
    else answer.holds(unpublished === 0, () => ({ message: `${unpublished} outbox rows are not published` }));
    answer.holds(dead === 0, () => ({ message: `${dead} outbox rows were given up` }));
    judgeRecovery(run, answer);
  },
};

export const nothingStuck: Checker = {
  id: 'I14',
  title: 'At rest no session waits for a lock or sits in a transaction',
  applies: (run) => existsSync(run.directory.file(ACTIVITY_FILE)),
  async run(run, answer) {
    for await (const session of readJsonLines(run.directory.file(ACTIVITY_FILE), activitySchema)) {
      const isStuck = session.waits_for_lock || session.state?.startsWith('idle in transaction') === true;
      answer.holds(!isStuck, () => {
        const { pid, application_name, state, transaction_ms: sinceMs, query } = session;
        const what = session.waits_for_lock ? 'waits for a lock' : (state ?? '');
        return {
          message: `session ${pid} (${application_name}) ${what} since ${Math.round(sinceMs ?? 0)} ms: ${query}`,
        };
      });
    }
  },
};

function judgeRecovery(run: RunEvidence, answer: Answer): void {
  run.phases.forEach((phase, index) => {
    const next = run.phases[index + 1];
    if (phase.name !== 'quiescence' || next === undefined) return;
    const durationMs = next.monoMs - phase.monoMs;
    answer.holds(durationMs <= RECOVERY_MS_MAX, () => ({
      message: `it took ${Math.round(durationMs)} ms to come to rest, allowed are ${RECOVERY_MS_MAX}`,
      timeline: [phase, next].map(({ wallMs, name }) => ({ wallMs, text: name })),
    }));
  });
}
