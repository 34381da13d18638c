/**
 * Judges a finished run from its directory, offline and as often as one likes. A checker that crashes answers 'unknown'
 * with its error, and so does one that found nothing to judge; neither stops the others.
 */
import type { Check } from '../run/results.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { Answer, type Checker } from './checker.ts';
import { CHECKERS } from './checkers.ts';
import { readRun } from './evidence/read-run.ts';
import type { RunEvidence } from './evidence/run-evidence.ts';
import type { SliceEvidence } from './evidence/slice-evidence.ts';

export interface JudgeOptions {
  /** Bytes of the run's files whose content is held at a time. */
  readonly sliceBytesMax?: number;
  readonly checkers?: readonly Checker[];
  /** Looks at the same evidence, so that nothing is read twice. */
  readonly observer?: RunObserver;
}

/** What else there is to find out about a run. When it throws, only it is without an answer. */
export interface RunObserver {
  slice(slice: SliceEvidence): void;
  run(run: RunEvidence): Promise<void>;
  failed(error: unknown): void;
}

export async function judgeRun(directory: RunDirectory, options: JudgeOptions = {}): Promise<Check[]> {
  const checkers = options.checkers ?? CHECKERS;
  const sessions: Session[] = [];
  try {
    const { run, slices, close } = await readRun(directory, options.sliceBytesMax);
    sessions.push(...checkers.filter((checker) => checker.applies?.(run) ?? true).map((each) => new Session(each)));
    try {
      await askAll(sessions, run, slices(), observedBy(options.observer));
    } finally {
      await close();
    }
  } catch (error) {
    options.observer?.failed(error);
    // Evidence that cannot be read: nothing can be said, least of all that all is well.
    if (sessions.length === 0) sessions.push(...checkers.map((each) => new Session(each)));
    for (const session of sessions) session.crashed(error, 'the run directory cannot be read');
  }
  return sessions.map((session) => session.check());
}

async function askAll(
  sessions: readonly Session[],
  run: RunEvidence,
  slices: AsyncIterable<SliceEvidence>,
  observe: (look: (observer: RunObserver) => void | Promise<void>) => Promise<void>,
): Promise<void> {
  for await (const slice of slices) {
    await observe((observer) => observer.slice(slice));
    for (const session of sessions) {
      await session.ask((checker, answer) => {
        for (const batch of slice.batches.values()) checker.batch?.(batch, run, answer);
        checker.slice?.(slice, run, answer);
      });
    }
  }
  for (const session of sessions) await session.ask((checker, answer) => checker.run?.(run, answer));
  await observe((observer) => observer.run(run));
}

function observedBy(observer: RunObserver | undefined) {
  let isBroken = false;
  return async (look: (observer: RunObserver) => void | Promise<void>): Promise<void> => {
    if (observer === undefined || isBroken) return;
    try {
      await look(observer);
    } catch (error) {
      isBroken = true;
      observer.failed(error);
    }
  };
}

class Session {
  private readonly checker: Checker;
  private readonly answer = new Answer();
  private crash: string | null = null;

  constructor(checker: Checker) {
    this.checker = checker;
  }

  async ask(question: (checker: Checker, answer: Answer) => void | Promise<void>): Promise<void> {
    if (this.crash !== null) return;
    try {
      await question(this.checker, this.answer);
    } catch (error) {
      this.crashed(error, 'the checker crashed');
    }
  }

  crashed(error: unknown, how: string): void {
    this.crash ??= `${how}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }

  /** What was found wrong before a crash stays wrong. */
  check(): Check {
    const { id, title } = this.checker;
    const check = this.answer.check(id, title);
    if (this.crash === null) return check;
    return { ...check, verdict: check.problemCount > 0 ? false : 'unknown', note: this.crash };
  }
}
