/**
 * Is there a Docker engine to work with? Asked by the command line, because it alone knows the context that the person
 * at this machine has chosen. Where there is none, one line says so before anything was started.
 */
import { runCommand } from '../process/run-command.ts';
import { StackError } from '../process/stack-error.ts';
import { programOnPath } from '../programs/find-program.ts';

const ANSWER_MS_MAX = 10_000;
/** The first that waits for health, interpolates nested defaults and scales by variable. */
const COMPOSE_MAJOR_MIN = 2;

/** `otherwise`: what else to do than to start Docker. */
export async function requireDockerEngine(otherwise = ', or use --stack local'): Promise<void> {
  if (programOnPath('docker') === undefined) {
    throw new StackError(`the program docker is missing: install Docker${otherwise}`);
  }
  try {
    await docker('version', '--format', '{{.Server.Version}}');
  } catch (error) {
    throw new StackError(`no Docker engine answers at ${await engineAddress()}: start Docker${otherwise}`, {
      cause: error,
    });
  }
}

/** The engine, and the compose plugin. */
export async function requireDockerCompose(): Promise<void> {
  await requireDockerEngine('');
  const found = await docker('compose', 'version', '--short').catch(() => '');
  const major = Number(/^v?(\d+)\./.exec(found.trim())?.[1] ?? 0);
  if (major < COMPOSE_MAJOR_MIN) {
    const what = major === 0 ? 'the compose plugin of docker is missing' : `docker compose ${found.trim()} is too old`;
    throw new StackError(
      `${what}: install version ${COMPOSE_MAJOR_MIN} or newer (https://docs.docker.com/compose/install)`,
    );
  }
}

async function engineAddress(): Promise<string> {
  const named = process.env['DOCKER_HOST']?.trim();
  if (named) return named;
  const address = await docker('context', 'inspect', '--format', '{{.Endpoints.docker.Host}}').catch(() => '');
  return address.trim() || 'the default address';
}

function docker(...args: readonly string[]): Promise<string> {
  return runCommand('docker', args, { runMsMax: ANSWER_MS_MAX });
}
