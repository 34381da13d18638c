/** The Docker engine that containers of a stack are started on, and how its stack is told from all others. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ContainerRuntimeClient, getContainerRuntimeClient } from 'testcontainers';
import { StackError } from '../process/stack-error.ts';
import { requireDockerEngine } from './docker-engine.ts';

const STACK_LABEL = 'essay-lifecycle-service.stack';
const LOOPBACK = '127.0.0.1';
const OPEN_MS_MAX = 60_000;

export interface ContainerEngine {
  readonly client: ContainerRuntimeClient;
  /** Where published ports are reached. */
  readonly host: string;
  /** The only address that ports are published on; undefined where the engine is not this machine's. */
  readonly publishOn: string | undefined;
  /** As in DOCKER_HOST; undefined if the environment says it. */
  readonly dockerHost: string | undefined;
  /** What all containers of this stack have; its value begins with the id of the process that started them. */
  readonly label: { readonly name: string; readonly value: string };
  readonly version: string;
}

export async function openEngine(): Promise<ContainerEngine> {
  await requireDockerEngine();
  const client = await within(OPEN_MS_MAX, 'answer', getContainerRuntimeClient()).catch((error: unknown) => {
    throw new StackError('testcontainers finds no Docker engine: set DOCKER_HOST to the address of yours', {
      cause: error,
    });
  });
  const { host, serverVersion } = client.info.containerRuntime;
  const isHere = host === 'localhost' || host.startsWith('127.');
  const { socketPath } = client.container.dockerode.modem as { socketPath?: string };
  return {
    client,
    // By number: clients that try IPv6 first would not find it by name.
    host: isHere ? LOOPBACK : host,
    publishOn: isHere ? LOOPBACK : undefined,
    dockerHost: socketPath === undefined ? undefined : `unix://${socketPath}`,
    label: { name: STACK_LABEL, value: `${process.pid}-${randomBytes(3).toString('hex')}` },
    // Typed as a number, and is none.
    version: String(serverVersion),
  };
}

/** What is asked of an engine ends in time, one way or another. */
export async function within<T>(waitMsMax: number, what: string, work: Promise<T>, abort?: AbortSignal): Promise<T> {
  const settled = new AbortController();
  const signal = abort === undefined ? settled.signal : AbortSignal.any([settled.signal, abort]);
  const tooLate = sleep(waitMsMax, undefined, { signal }).then(
    () => {
      throw new StackError(`the Docker engine did not ${what} within ${waitMsMax / 1_000} s`);
    },
    () => {
      throw new StackError(`the Docker engine was not waited for to ${what}: the start was given up`);
    },
  );
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    settled.abort();
  }
}
