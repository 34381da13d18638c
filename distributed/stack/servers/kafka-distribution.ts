/**
 * The broker's program: KAFKA_HOME if set, else the jars of the pinned version, resolved by Maven once and cached. Two
 * things that cost seconds at every start are prepared once as well: the formatted metadata of an empty node, and an
 * archive of loaded classes that more than halves the JVM's start.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { StackContext } from '../process/context.ts';
import { freePorts } from '../process/free-port.ts';
import { announced } from '../process/progress.ts';
import { projectRoot } from '../process/project-root.ts';
import { runCommand } from '../process/run-command.ts';
import { ServerProcess } from '../process/server-process.ts';
import { StackError } from '../process/stack-error.ts';
import { cacheDirectory, cached } from '../programs/cache.ts';
import { type Java, requireJava } from '../programs/java.ts';
import { kafkaProperties, QUICK_START, randomId } from './kafka-settings.ts';

const MAVEN_MS_MAX = 600_000;
const JARS_EXPECTED = 46;

export interface KafkaDistribution {
  readonly java: Java;
  readonly version: string;
  readonly from: string;
  readonly classPath: string;
  /** What `kafka-storage format` writes besides the node's own identity. */
  readonly bootstrapCheckpoint: string;
  /** Class data archive, used if this JVM accepts it and ignored otherwise. */
  readonly classArchive: string;
}

export async function provideKafka(context: StackContext): Promise<KafkaDistribution> {
  const home = process.env['KAFKA_HOME'];
  const java = await requireJava(context, { maven: !home && !existsSync(pinnedJars()) });
  const jarFolder = home ? join(home, 'libs') : await mavenJars(context, java);
  const jars = jarNames(jarFolder);
  const version = kafkaVersion(jars);
  if (version === undefined)
    throw new StackError(`${jarFolder} holds no kafka_2.13-*.jar: unset or correct KAFKA_HOME`);
  const classPath = jars.map((jar) => join(jarFolder, jar)).join(':');
  const key = createHash('sha256').update(`${java.command}\n${java.version}\n${classPath}`).digest('hex').slice(0, 12);
  const from = home ? 'KAFKA_HOME' : 'Maven jars';
  const draft = { java, version, from, classPath };
  const prepared = await cached(`kafka-${version}-start-${key}`, (building) => prepareStart(draft, building, context));
  return {
    ...draft,
    bootstrapCheckpoint: join(prepared, 'data', 'bootstrap.checkpoint'),
    classArchive: join(prepared, 'classes.jsa'),
  };
}

export function pomFile(): string {
  return join(projectRoot(), 'distributed', 'stack', 'servers', 'kafka', 'pom.xml');
}

/** Where the pinned version's jars are once they were fetched. */
export function pinnedJars(): string {
  return join(cacheDirectory(), jarEntry());
}

/** Settings of the JVM that every start shares. */
export function javaOptions(heap: string): readonly string[] {
  const logging = join(projectRoot(), 'distributed', 'stack', 'servers', 'kafka', 'log4j2.properties');
  return [`-Xmx${heap}`, ...QUICK_START, '-Djava.awt.headless=true', `-Dlog4j2.configurationFile=${logging}`];
}

export function kafkaVersion(jars: readonly string[]): string | undefined {
  return jars.map((jar) => /^kafka_2\.13-(\d[^-]*)\.jar$/.exec(jar)?.[1]).find((version) => version !== undefined);
}

function jarEntry(): string {
  const pom = readFileSync(pomFile());
  return `kafka-jars-${createHash('sha256').update(pom).digest('hex').slice(0, 12)}`;
}

function jarNames(folder: string): readonly string[] {
  if (!existsSync(folder)) throw new StackError(`${folder} does not exist: unset or correct KAFKA_HOME`);
  // A fixed order, because the class archive is bound to the class path.
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jar'))
    .sort();
}

async function mavenJars(context: StackContext, java: Java): Promise<string> {
  return cached(jarEntry(), async (building) => {
    const target = join(building, 'jars');
    await mkdir(target);
    const args = ['-q', '-B', '-f', pomFile(), 'dependency:copy-dependencies', `-DoutputDirectory=${target}`];
    const { guardian, signal } = context;
    const home = dirname(dirname(java.command));
    const env = {
      ...process.env,
      ...(existsSync(join(home, 'release')) ? { JAVA_HOME: home } : {}),
      // Java asks the user database, which in containers often names no folder that can be written.
      MAVEN_OPTS: `${process.env['MAVEN_OPTS'] ?? ''} -Duser.home=${homedir()}`,
    };
    await announced(
      'downloading the jars of Apache Kafka with Maven (once)',
      context.onProgress,
      () => runCommand('mvn', args, { guardian, signal, env, cwd: building, runMsMax: MAVEN_MS_MAX }),
      () => `, ${downloaded(target)}`,
    );
    return target;
  });
}

/** Maven first fills its own repository and copies at the end. */
function downloaded(target: string): string {
  const copied = readdirSync(target).length;
  if (copied > 0) return `${copied} of ${JARS_EXPECTED} jars copied`;
  const repository = join(homedir(), '.m2', 'repository', 'org', 'apache');
  return existsSync(join(repository, 'kafka'))
    ? 'Kafka found, the rest is coming'
    : 'Maven fetches its own parts first';
}

type Draft = Pick<KafkaDistribution, 'java' | 'classPath'>;

/** Formats a throw-away node, starts it once and lets the JVM write its class archive when it ends. */
async function prepareStart(draft: Draft, building: string, context: StackContext): Promise<string> {
  const entry = join(building, 'start');
  const data = join(entry, 'data');
  await mkdir(data, { recursive: true });
  const [brokerPort = 0, controllerPort = 0] = await freePorts(2);
  const properties = join(building, 'server.properties');
  await writeFile(properties, kafkaProperties({ nodes: [{ id: 1, brokerPort, controllerPort }], id: 1, folder: data }));
  const { guardian, signal, onProgress } = context;
  const java = (...args: string[]) => [...javaOptions('512m'), ...args, '-cp', draft.classPath];
  await announced('preparing Kafka for quick starts (once)', onProgress, async () => {
    const format = ['kafka.tools.StorageTool', 'format', '-t', randomId(), '-c', properties];
    await runCommand(draft.java.command, [...java(), ...format], { guardian, signal, cwd: building, runMsMax: 60_000 });
    const rehearsal = new ServerProcess(
      {
        name: 'kafka (rehearsal)',
        port: brokerPort,
        command: draft.java.command,
        args: [...java(`-XX:ArchiveClassesAtExit=${join(entry, 'classes.jsa')}`), 'kafka.Kafka', properties],
        env: process.env,
        folder: building,
        logFile: join(building, 'kafka.log'),
        user: undefined,
        readyPattern: /Kafka Server started/,
        startMsMax: 90_000,
        stopSignal: 'SIGTERM',
        stopMsMax: 60_000,
        abandonSignal: 'SIGKILL',
      },
      guardian,
    );
    await rehearsal.start(signal);
    await rehearsal.stop();
  });
  if (!existsSync(join(data, 'bootstrap.checkpoint')) || statSync(join(data, 'bootstrap.checkpoint')).size === 0) {
    throw new StackError('formatting a Kafka node left no bootstrap.checkpoint: Kafka 4 is needed');
  }
  return entry;
}
