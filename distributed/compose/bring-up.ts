/** From an image to a stack in which everybody is healthy, told to people all the while. */
import type { RunDirectory } from '../run/run-directory.ts';
import { announced, type Progress } from '../stack/process/progress.ts';
import { StackError } from '../stack/process/stack-error.ts';
import type { ComposeProject } from './compose-project.ts';
import { describeState, isWell, type ServiceState } from './docker-facts.ts';

const LOOK_INTERVAL_MS = 4_000;

export interface BringUp {
  readonly project: ComposeProject;
  readonly directory: RunDirectory;
  readonly signal: AbortSignal;
  readonly say: Progress;
}

/** Fails with one line that says who is not well and where the logs are. */
export async function bringUp({ project, directory, signal, say }: BringUp): Promise<void> {
  say(`compose project ${project.name}`);
  let states: readonly ServiceState[] = [];
  let looking = false;
  const look = setInterval(() => {
    if (looking) return;
    looking = true;
    const read = project.states().then((now) => {
      states = now;
    });
    read
      .catch(() => undefined)
      .finally(() => {
        looking = false;
      });
  }, LOOK_INTERVAL_MS);
  try {
    await announced(
      'starting containers',
      say,
      () => project.up(signal),
      () => `, ${progressOf(states)}`,
    );
  } catch (error) {
    if (signal.aborted) throw error;
    const why = error instanceof Error ? error.message : String(error);
    const last = await project.states().catch(() => states);
    if (last.length === 0) {
      throw new StackError(`${why}; services whose image cannot be fetched are left out by --without`, {
        cause: error,
      });
    }
    const ill = last.filter((state) => !isWell(state));
    const who = ill.map((state) => `${state.Service} ${describeState(state)}`).join(', ');
    throw new StackError(`the stack did not become healthy (${who || why}); logs are in ${directory.file('logs')}`, {
      cause: error,
    });
  } finally {
    clearInterval(look);
  }
  await showStates(project, say);
}

/** Health of every container, a line per service. */
export async function showStates(project: ComposeProject, say: Progress): Promise<void> {
  const states = await project.states();
  const services = [...new Set(states.map(({ Service }) => Service))].sort();
  const width = Math.max(...services.map((service) => service.length));
  for (const service of services) {
    const own = states.filter(({ Service }) => Service === service);
    say(`  ${service.padEnd(width)}  ${own.map(describeState).join(', ')}`);
  }
}

function progressOf(states: readonly ServiceState[]): string {
  const well = states.filter((state) => isWell(state) && state.Health !== '').length;
  return states.length === 0 ? 'nothing runs yet' : `${well} of ${states.length} containers healthy`;
}
