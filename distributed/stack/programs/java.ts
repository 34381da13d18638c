/**
 * Finds Java 17 or newer and Maven. As root on Debian or Ubuntu what is missing is installed; elsewhere one line says
 * what to do.
 */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { StackContext } from '../process/context.ts';
import { runCommand } from '../process/run-command.ts';
import { StackError } from '../process/stack-error.ts';
import { installPackages, isDebian, isRoot, systemRelease } from './debian.ts';
import { isProgram, programOnPath } from './find-program.ts';

const JVM_FOLDER = '/usr/lib/jvm';

export const JAVA_MAJOR_MIN = 17;

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

/** Java, and Maven if it will be needed. */
export async function requireJava(context: Context, needs: { readonly maven: boolean }): Promise<Java> {
  const found = await installedJava();
  const lacksMaven = needs.maven && programOnPath('mvn') === undefined;
  if (found !== undefined && !lacksMaven) return found;
  const packages = [...(found === undefined ? [javaPackage(systemRelease())] : []), ...(lacksMaven ? ['maven'] : [])];
  if (!isDebian() || !isRoot()) {
    const missing = [
      ...(found === undefined ? [`Java ${JAVA_MAJOR_MIN} or newer`] : []),
      ...(lacksMaven ? ['Maven'] : []),
    ];
    throw new StackError(`missing: ${missing.join(' and ')}. ${installRemedy(packages)}`);
  }
  await installPackages(packages, context);
  const java = await installedJava();
  if (java === undefined)
    throw new StackError(`${packages.join(' ')} was installed, but no Java ${JAVA_MAJOR_MIN} is found`);
  return java;
}

export function javaRemedy(): string {
  return installRemedy([javaPackage(systemRelease())]);
}

export function mavenRemedy(): string {
  return installRemedy(['maven']);
}

/** Older releases name an older Java their default. */
export function javaPackage(release: string): string {
  const [system = '', version = '0'] = release.split('-');
  const newestWithOlderDefault = { debian: 12, ubuntu: 22.04 }[system] ?? 0;
  return Number(version) > newestWithOlderDefault ? 'default-jre-headless' : `openjdk-${JAVA_MAJOR_MIN}-jre-headless`;
}

function installRemedy(packages: readonly string[]): string {
  const instead = packages.includes('maven') ? 'or set KAFKA_HOME or KAFKA_BROKERS' : 'or set KAFKA_BROKERS';
  if (process.platform === 'darwin') {
    const formulas = packages.map((name) => (name === 'maven' ? name : 'openjdk@21'));
    return `Run brew install ${formulas.join(' ')}, ${instead}`;
  }
  if (isDebian()) return `Run sudo apt-get install -y ${packages.join(' ')}, ${instead}`;
  return `Install ${packages.map((name) => (name === 'maven' ? 'Maven' : `Java ${JAVA_MAJOR_MIN}`)).join(' and ')}, ${instead}`;
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
