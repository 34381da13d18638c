/**
 * One server of the stack as a container. Its published port is chosen before the start, so it is the same after every
 * restart; it is on loopback wherever the engine is this machine's. Every wait on the engine is bounded.
 */
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { GenericContainer, Wait } from 'testcontainers';
import { lastWords } from '../process/run-command.ts';
import type { Server, ServerIdentity } from '../process/server.ts';
import { PortTakenError, StackError } from '../process/stack-error.ts';
import { type ContainerEngine, within } from './container-engine.ts';

const POLL_MS = 15;
const SHARED_MEMORY_BYTES = 268_435_456;
const OUTPUT_CHARS_MAX = 100_000;
const ID_CHARS = 12;
const PORT_TAKEN = /port is already allocated|address already in use/i;

export interface ContainerSettings {
  readonly name: string;
  readonly image: string;
  /** On the engine's host. */
  readonly port: number;
  readonly containerPort: number;
  readonly environment: Readonly<Record<string, string>>;
  /** The image's own if not given. */
  readonly command?: readonly string[];
  /** A line that says that connections are accepted. */
  readonly readyPattern: RegExp;
  /** How often it says so at its first start, when some images start the server for themselves before. */
  readonly readyLinesAtFirst: number;
  readonly startMsMax: number;
  readonly stopMsMax: number;
  readonly logFile: string;
}

type Container = ReturnType<ContainerEngine['client']['container']['getById']>;

interface Run {
  /** Output since the start; its end is the end of the run. */
  readonly output: Readable;
  readonly startedAt: string;
  readonly pid: number | undefined;
}

export class ServerContainer implements Server {
  readonly #settings: ContainerSettings;
  readonly #engine: ContainerEngine;
  #container: Container | undefined;
  #run: Run | undefined;
  #isFrozen = false;
  #said = '';

  constructor(settings: ContainerSettings, engine: ContainerEngine) {
    this.#settings = settings;
    this.#engine = engine;
  }

  get name(): string {
    return this.#settings.name;
  }

  get host(): string {
    return this.#engine.host;
  }

  get port(): number {
    return this.#settings.port;
  }

  get pid(): number | undefined {
    return this.#run?.pid;
  }

  get identity(): ServerIdentity | undefined {
    if (this.#run === undefined || this.#container === undefined) return undefined;
    const { startedAt, pid } = this.#run;
    return { container: this.#container.id.slice(0, ID_CHARS), startedAt, ...(pid === undefined ? {} : { pid }) };
  }

  get logFile(): string {
    return this.#settings.logFile;
  }

  async start(abort?: AbortSignal): Promise<void> {
    if (this.#run !== undefined) return;
    const isFirst = this.#container === undefined;
    try {
      const output = await (isFirst ? this.#create() : this.#startAgain());
      this.#run = await this.#lookAt(output);
    } catch (error) {
      if (isFirst) await this.abandon();
      else await this.#end();
      throw this.#failure(error);
    }
    if (!abort?.aborted) return;
    await this.abandon();
    throw new StackError(`${this.name} was not needed any more`);
  }

  async stop(): Promise<void> {
    const { stopMsMax } = this.#settings;
    const container = this.#container;
    if (container === undefined || this.#run === undefined) return;
    await this.#thaw();
    // The engine asks with the image's own signal and kills after the time given.
    await within(2 * stopMsMax, 'stop a container', container.stop({ t: Math.ceil(stopMsMax / 1_000) }));
    this.#run = undefined;
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const container = this.#container;
    if (container === undefined || this.#run === undefined) return;
    if (signal === 'SIGSTOP') return this.#freeze();
    if (signal === 'SIGCONT') return this.#thaw();
    if (signal === 'SIGKILL') return this.#end();
    await within(this.#settings.stopMsMax, 'signal a container', container.kill({ signal }));
  }

  async abandon(): Promise<void> {
    const container = this.#container;
    if (container === undefined) return;
    this.#container = undefined;
    this.#run = undefined;
    this.#isFrozen = false;
    // What resists is tried again by the guardian.
    await within(this.#settings.stopMsMax, 'remove a container', container.remove({ force: true, v: true })).catch(
      () => undefined,
    );
  }

  /** What a program in the running container prints. */
  async ask(command: readonly string[]): Promise<string> {
    if (this.#container === undefined) return '';
    const answer = this.#engine.client.container.exec(this.#container, [...command]);
    return (await within(this.#settings.startMsMax, 'run a program in a container', answer)).output;
  }

  async #create(): Promise<Readable> {
    const { settings, engine } = { settings: this.#settings, engine: this.#engine };
    let output: Readable | undefined;
    const draft = new PublishedContainer(settings.image, engine.publishOn, async (id) => {
      this.#container = engine.client.container.getById(id);
      output = await this.#follow(this.#container);
    });
    draft
      .withName(`els-${engine.label.value}-${settings.name}`)
      .withLabels({ [engine.label.name]: engine.label.value })
      .withEnvironment(settings.environment)
      .withExposedPorts({ container: settings.containerPort, host: settings.port })
      .withSharedMemorySize(SHARED_MEMORY_BYTES)
      .withWaitStrategy(Wait.forLogMessage(settings.readyPattern, settings.readyLinesAtFirst))
      .withStartupTimeout(settings.startMsMax);
    if (settings.command !== undefined) draft.withCommand([...settings.command]);
    await within(2 * settings.startMsMax, 'start a container', draft.start());
    if (output === undefined) throw new StackError(`${this.name} has no output`);
    return output;
  }

  async #startAgain(): Promise<Readable> {
    const container = this.#container;
    if (container === undefined) throw new StackError(`${this.name} has no container`);
    const output = await this.#follow(container);
    await within(this.#settings.startMsMax, 'start a container', container.start());
    await this.#untilReady(output);
    return output;
  }

  /** The engine's own record of a start is no help: a quick server says that it is ready before that is written. */
  async #untilReady(output: Readable): Promise<void> {
    const { readyPattern, startMsMax } = this.#settings;
    const giveUpAtMs = Date.now() + startMsMax;
    while (!readyPattern.test(this.#said)) {
      if (output.readableEnded) throw new StackError('ended while it started');
      if (Date.now() > giveUpAtMs) throw new StackError(`was not ready within ${startMsMax / 1_000} s`);
      await sleep(POLL_MS);
    }
  }

  /** From before the start, so that nothing it says is missed. */
  async #follow(container: Container): Promise<Readable> {
    const attached = this.#engine.client.container.attach(container);
    const output = await within(this.#settings.startMsMax, 'attach to a container', attached);
    this.#said = '';
    output.on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-OUTPUT_CHARS_MAX);
    });
    output.pipe(createWriteStream(this.#settings.logFile, { flags: 'a' }));
    output.once('end', () => {
      if (this.#run?.output === output) this.#run = undefined;
    });
    return output;
  }

  async #lookAt(output: Readable): Promise<Run> {
    const container = this.#container;
    if (container === undefined) throw new StackError('ended as soon as it was ready');
    const { State } = await within(this.#settings.startMsMax, 'describe a container', container.inspect());
    if (!State.Running || output.readableEnded) throw new StackError('ended as soon as it was ready');
    return { output, startedAt: State.StartedAt, pid: await processOf(container.id, State.Pid) };
  }

  /** Frozen containers included; a container that ended by itself is no error. */
  async #end(): Promise<void> {
    const container = this.#container;
    if (container === undefined) return;
    const { stopMsMax } = this.#settings;
    await within(stopMsMax, 'kill a container', container.kill({ signal: 'SIGKILL' })).catch((error: Error) => {
      if (!/is not running/.test(error.message)) throw error;
    });
    await within(stopMsMax, 'end a container', container.wait());
    this.#run = undefined;
    this.#isFrozen = false;
  }

  async #freeze(): Promise<void> {
    if (this.#isFrozen || this.#container === undefined) return;
    await within(this.#settings.stopMsMax, 'pause a container', this.#container.pause());
    this.#isFrozen = true;
  }

  async #thaw(): Promise<void> {
    if (!this.#isFrozen || this.#container === undefined) return;
    await within(this.#settings.stopMsMax, 'go on with a container', this.#container.unpause());
    this.#isFrozen = false;
  }

  #failure(error: unknown): StackError {
    const reason = error instanceof Error ? error.message : String(error);
    if (PORT_TAKEN.test(reason)) return new PortTakenError(`${this.name}: ${reason}`, { cause: error });
    const words = this.#said === '' ? '' : `: ${lastWords(this.#said)}`;
    const what = /^Log message .* not received/.test(reason)
      ? `was not ready within ${this.#settings.startMsMax / 1_000} s`
      : /^Log stream ended/.test(reason)
        ? 'ended while it started'
        : reason;
    return new StackError(`${this.name} (${this.#settings.image}) ${what}${words}`, { cause: error });
  }
}

/** Publishes on one address of the host, and tells its id before it starts. */
class PublishedContainer extends GenericContainer {
  readonly #publishOn: string | undefined;
  readonly #onCreated: (id: string) => Promise<void>;

  constructor(image: string, publishOn: string | undefined, onCreated: (id: string) => Promise<void>) {
    super(image);
    this.#publishOn = publishOn;
    this.#onCreated = onCreated;
  }

  protected override async beforeContainerCreated(): Promise<void> {
    if (this.#publishOn === undefined) return;
    const bindings = Object.values(this.hostConfig.PortBindings ?? {}) as { HostIp?: string }[][];
    for (const binding of bindings.flat()) binding.HostIp = this.#publishOn;
  }

  protected override containerCreated(containerId: string): Promise<void> {
    return this.#onCreated(containerId);
  }
}

/**
 * The engine may run on another machine, or count processes otherwise: only a process that names the container is it.
 */
async function processOf(containerId: string, pid: number): Promise<number | undefined> {
  const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
  return groups.includes(containerId) ? pid : undefined;
}
