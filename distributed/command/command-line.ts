/** The command line of the harness: what is asked for, checked before anything starts. Wrong usage ends with code 2. */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { SEED_LIMIT } from '../generator/seeded-random.ts';
import { readMutants } from '../judge/mutants.ts';
import { EXIT } from '../run/verdict.ts';
import { GROUPS, SCENARIOS } from '../scenarios/catalogue.ts';
import { COMPOSE_EXTRAS, DOCKER_COMPOSE } from '../scenarios/docker-compose.ts';
import { SOURCE_VARIABLE } from '../stack/stack.ts';
import { INSTANCES_MAX, REPEAT_MAX, type RunOptions, STACKS, TIERS } from './run-options.ts';

const HELP = `
Exit codes: 0 valid, 1 an invariant is broken, 2 wrong usage, 3 the environment did not start, 4 not enough evidence,
99 a performance gate was missed, 130 interrupted (with report).
DATABASE_URL, REDIS_URL and KAFKA_BROKERS in the environment each replace the server they name.`;

export interface Flags {
  readonly scenario?: readonly string[];
  readonly instances?: readonly number[];
  readonly duration?: number;
  readonly seed?: number;
  readonly stack: RunOptions['stack'];
  readonly output?: string;
  readonly tier: RunOptions['tier'];
  readonly repeat: number;
  readonly mutant?: string;
  readonly without?: readonly string[];
  readonly observe?: boolean;
  readonly list?: boolean;
  readonly json?: boolean;
  readonly color: boolean;
}

export function harnessCommand(): Command {
  return new Command('test:distributed')
    .description('Runs scenarios on real servers with real worker processes and judges what became of every input.')
    .option('--scenario <names>', 'scenarios and groups of them, separated by commas, or all', parseScenarios)
    .option('--instances <counts>', `worker processes, 1 to ${INSTANCES_MAX}; several counts run each`, parseInstances)
    .option('--duration <seconds>', 'length of the load in scenarios that have one', parseDuration)
    .option(
      '--seed <number>',
      'the same seed makes the same inputs and faults (default: a new one, printed)',
      parseSeed,
    )
    .addOption(
      new Option('--stack <kind>', 'where the servers come from: processes, containers, the environment')
        .choices(STACKS)
        .env(SOURCE_VARIABLE)
        .default('local'),
    )
    .option('--output <folder>', 'where run directories are made (default: runs in the checkout)')
    .addOption(new Option('--tier <tier>', 'quick: a check of each; full: everything').choices(TIERS).default('quick'))
    .option('--repeat <count>', 'run everything so often, each time with another seed', parseRepeat, 1)
    .option('--mutant <name>', 'run a worker that is wrong on purpose (test/mutants)')
    .option(
      '--without <services>',
      'services of docker_compose that are not started, separated by commas',
      parseServices,
    )
    .option('--observe', 'with Prometheus beside the run; its dashboards must have had data')
    .option('--list', 'list the scenarios')
    .option('--json', 'print the results as one JSON object, progress on standard error')
    .option('--no-color', 'no colour on a terminal; so does NO_COLOR')
    .addHelpText('after', HELP)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT.usage));
}

/** What the flags ask for; the command's error and code 2 for what cannot be. */
export function readRunOptions(command: Command, root: string): RunOptions {
  const flags = command.opts<Flags>();
  const fail = (message: string) => command.error(`error: ${message}`, { exitCode: EXIT.usage });
  const { mutant = null, stack } = flags;
  const scenario = flags.scenario?.flatMap((name) => (name === 'all' ? allOf(flags.tier) : name));
  if (scenario === undefined) return fail('--scenario is needed: a name of --list, or all');
  if (mutant !== null) {
    const names = readMutants(root).map(({ name }) => name);
    if (!names.includes(mutant)) return fail(`there is no mutant ${mutant}; there are ${names.join(', ')}`);
  }
  const isCompose = scenario.includes(DOCKER_COMPOSE.name);
  if (isCompose && mutant !== null) return fail(`${DOCKER_COMPOSE.name} runs the image, which has no mutants`);
  if (isCompose && stack === 'external') return fail(`${DOCKER_COMPOSE.name} brings its own servers`);
  if (stack === 'external') {
    const missing = ['DATABASE_URL', 'REDIS_URL', 'KAFKA_BROKERS'].filter((name) => !process.env[name]?.trim());
    if (missing.length > 0) return fail(`--stack external needs ${missing.join(', ')} in the environment`);
  }
  return {
    scenarios: scenario,
    instances: flags.instances ?? null,
    durationSeconds: flags.duration ?? null,
    seed: flags.seed ?? randomInt(SEED_LIMIT),
    stack,
    outputFolder: flags.output ?? join(root, 'runs'),
    tier: flags.tier,
    repeat: flags.repeat,
    mutant,
    without: flags.without ?? [],
    observe: flags.observe === true,
  };
}

export function describeScenarios(): string {
  const all = [...SCENARIOS, { ...DOCKER_COMPOSE, isLong: false }];
  const width = Math.max(...all.map(({ name }) => name.length));
  const indent = ' '.repeat(width + 2);
  const scenarios = all.map(({ name, goal, method, isLong }) => {
    const where = isLong === true ? ' In all of the full tier.' : '';
    return `${name.padEnd(width)}  ${goal}\n${indent}${method}${where}`;
  });
  const groups = Object.entries(GROUPS).map(([name, members]) => `${name.padEnd(width)}  ${members.join(', ')}`);
  return [...scenarios, ...groups].join('\n');
}

function allOf(tier: RunOptions['tier']): readonly string[] {
  return SCENARIOS.filter(({ isLong }) => tier === 'full' || isLong !== true).map(({ name }) => name);
}

/** `all` stays itself: what it means depends on the tier. */
function parseScenarios(text: string): readonly string[] {
  if (text === 'all') return [text];
  const all = [...SCENARIOS.map(({ name }) => name), DOCKER_COMPOSE.name];
  const names = text.split(',').flatMap((part) => {
    const name = part.trim();
    return GROUPS[name] ?? [name];
  });
  const unknown = names.filter((name) => !all.includes(name));
  if (unknown.length > 0) {
    throw new InvalidArgumentError(`There is no scenario ${unknown.join(', ')}; there are ${all.join(', ')}.`);
  }
  if (names.length > 1 && names.includes(DOCKER_COMPOSE.name)) {
    throw new InvalidArgumentError(`${DOCKER_COMPOSE.name} brings its own servers and runs alone.`);
  }
  return [...new Set(names)];
}

/** What the verdict rests on cannot be left out. */
function parseServices(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  const needed = names.filter((name) => !COMPOSE_EXTRAS.includes(name));
  if (needed.length > 0) throw new InvalidArgumentError(`Only ${COMPOSE_EXTRAS.join(', ')} can be left out.`);
  return names;
}

function parseInstances(text: string): readonly number[] {
  const counts = text.split(',').map(Number);
  if (counts.some((count) => !Number.isInteger(count) || count < 1 || count > INSTANCES_MAX)) {
    throw new InvalidArgumentError(`It must be whole numbers from 1 to ${INSTANCES_MAX}, separated by commas.`);
  }
  return [...new Set(counts)];
}

function parseDuration(text: string): number {
  return parseWhole(text, 1, 86_400);
}

function parseSeed(text: string): number {
  return parseWhole(text, 0, SEED_LIMIT - 1);
}

function parseRepeat(text: string): number {
  return parseWhole(text, 1, REPEAT_MAX);
}

function parseWhole(text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max) {
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  }
  return value;
}
