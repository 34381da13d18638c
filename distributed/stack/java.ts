/**
 * Finds Java 17 or newer and Maven. As root on Debian or Ubuntu what is missing is installed; elsewhere one line says
 * what to do.
 */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { StackContext } from './context.ts';
import { installPackages, isDebian, isRoot, knownPackages } from './debian.ts';
import { isProgram, programOnPath } from './find-program.ts';
import { runCommand } from './run-command.ts';
import { StackError } from './stack-error.ts';

export const JAVA_MAJOR_MIN = 17;
const JVM_FOLDER = '/usr/lib/jvm';
const PACKAGES = ['openjdk-21-jre-headless', 'openjdk-17-jre-headless', 'openjdk-25-jre-headless'];

export interface Java {
  readonly command: string;
  readonly version: string;
}

type Context = Pick<StackContext, 'guardian' | 'signal' | 'onProgress'>;

/** The first Java that is new enough: JAVA_HOME, PATH, then what else is installed. */
export async function installedJava(): Promise<Java | undefined> {
  const home = process.env['JAVA_HOME'];
  const onPath = programOnPath('java');
  const others = existsSync(JVM_FOLDER) ? readdirSync(JVM_FOLDER).sort() : [];
  const commands = [
    ...(home ? [join(home, 'bin', 'java')] : []),
    ...(onPath === undefined ? [] : [onPath]),
    ...others.map((name) => join(JVM_FOLDER, name, 'bin', 'java')),
  ];
  for (const command of commands.filter(isProgram)) {
    const version = releaseVersion(command) ?? (await printedVersion(command));
    if (version !== undefined && javaMajor(version) >= JAVA_MAJOR_MIN)
      return { command: realpathSync(command), version };
  }
  return undefined;
}

export async function requireJava(context: Context): Promise<Java> {
  const found = await installedJava();
  if (found !== undefined) return found;
  if (!isDebian() || !isRoot()) throw new StackError(`Java ${JAVA_MAJOR_MIN} or newer is missing: ${javaRemedy()}`);
  const [name] = await knownPackages(PACKAGES, context);
  if (name === undefined)
    throw new StackError(`this system offers no Java ${JAVA_MAJOR_MIN} or newer: set KAFKA_BROKERS`);
  await installPackages([name], context);
  const installed = await installedJava();
  if (installed === undefined)
    throw new StackError(`${name} was installed, but no Java ${JAVA_MAJOR_MIN} was found after it`);
  return installed;
}

export async function requireMaven(context: Context): Promise<string> {
  const found = programOnPath('mvn');
  if (found !== undefined) return found;
  if (!isDebian() || !isRoot()) throw new StackError(`Maven is missing: ${mavenRemedy()}`);
  await installPackages(['maven'], context);
  const installed = programOnPath('mvn');
  if (installed === undefined) throw new StackError('maven was installed, but mvn is not on PATH');
  return installed;
}

export function javaRemedy(): string {
  if (process.platform === 'darwin') return 'brew install openjdk@21, or set KAFKA_BROKERS';
  const command = isDebian() ? `sudo apt-get install -y openjdk-${JAVA_MAJOR_MIN}-jre-headless` : 'install a JRE';
  return `${command}, or set KAFKA_BROKERS`;
}

export function mavenRemedy(): string {
  if (process.platform === 'darwin') return 'brew install maven, or set KAFKA_HOME or KAFKA_BROKERS';
  return `${isDebian() ? 'sudo apt-get install -y maven' : 'install Maven'}, or set KAFKA_HOME or KAFKA_BROKERS`;
}

/** 17 of `17.0.15`, 8 of `1.8.0_392`. */
export function javaMajor(version: string): number {
  const [first = '0', second = '0'] = version.split(/[.\-+_]/);
  return Number.parseInt(first === '1' ? second : first, 10);
}

/** Every JDK has a file that saves us starting it. */
function releaseVersion(command: string): string | undefined {
  const release = join(dirname(dirname(realpathSync(command))), 'release');
  if (!existsSync(release)) return undefined;
  return /^JAVA_VERSION="([^"]+)"/m.exec(readFileSync(release, 'utf8'))?.[1];
}

async function printedVersion(command: string): Promise<string | undefined> {
  const output = await runCommand(command, ['--version'], { runMsMax: 10_000 }).catch(() => '');
  return /^\S+ (\d[^\s]*)/.exec(output)?.[1];
}
