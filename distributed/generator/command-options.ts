/**
 * The load options on a command line: one flag each, defaults of the calling program. What `readLoadOptions` returns
 * can be planned; what cannot be is refused by the option parser with exit code 2.
 */
import { randomInt } from 'node:crypto';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { checkLoadOptions, type LoadOptions } from './load-options.ts';
import { SEED_LIMIT } from './seeded-random.ts';

export type LoadFlags = Readonly<Record<NumericFlag, number>> & {
  readonly seed?: number;
  readonly duration?: number;
  readonly routing: LoadOptions['routing'];
};

type NumericFlag = (typeof FLAGS)[number]['flag'];

const FLAGS = [
  { flag: 'batches', option: 'batches', unit: 'count', help: 'batches to send' },
  { flag: 'slots', option: 'slots', unit: 'count', help: 'slots per batch' },
  { flag: 'duplicates', option: 'duplicatePercent', unit: 'percent', help: 'further copies of slot inputs' },
  { flag: 'farDuplicates', option: 'farDuplicatePercent', unit: 'percent', help: 'copies that come much later' },
  { flag: 'excess', option: 'excessPercent', unit: 'percent', help: 'contents beyond the slots' },
  { flag: 'failures', option: 'failurePercent', unit: 'percent', help: 'files that did not validate, of the slots' },
  { flag: 'early', option: 'earlyPercent', unit: 'percent', help: 'inputs sent before their registration' },
  { flag: 'repeats', option: 'repeatPercent', unit: 'percent', help: 'batches registered twice, identically' },
  { flag: 'conflicts', option: 'conflictPercent', unit: 'percent', help: 'batches registered again with other slots' },
  { flag: 'incomplete', option: 'incompletePercent', unit: 'percent', help: 'batches that lack one input' },
  { flag: 'rate', option: 'ratePerSecond', unit: 'inputs/s', help: 'inputs per second; 0: as fast as possible' },
  { flag: 'inFlight', option: 'batchesInFlight', unit: 'count', help: 'batches whose inputs are mixed' },
] as const;

export function addLoadOptions(command: Command, defaults: LoadOptions): Command {
  command.option('--seed <number>', 'the same seed makes the same load (default: a new one, printed)', parseNumber);
  for (const { flag, option, unit, help } of FLAGS) {
    const name = flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    command.option(`--${name} <${unit}>`, help, parseNumber, defaults[option]);
  }
  const duration = 'spread the load over this time, or with --rate send as many batches as fill it';
  command.option('--duration <seconds>', duration, parseNumber, defaults.durationSeconds ?? undefined);
  const routing = new Option('--routing <kind>', 'key of slot inputs: the batch, or the upload (contract)');
  return command.addOption(routing.choices(['production', 'adversarial']).default(defaults.routing));
}

export function readLoadOptions(command: Command, defaults: LoadOptions): LoadOptions {
  const flags = command.opts<LoadFlags>();
  const numbers = Object.fromEntries(FLAGS.map(({ flag, option }) => [option, flags[flag]]));
  const options: LoadOptions = {
    ...defaults,
    ...numbers,
    seed: flags.seed ?? randomInt(SEED_LIMIT),
    durationSeconds: flags.duration ?? null,
    routing: flags.routing,
    startAtMs: Date.now(),
  };
  const problems = checkLoadOptions(options);
  if (problems.length > 0) {
    command.error(`error: ${problems.join('; ')}`, { exitCode: 2 });
  }
  return options;
}

function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) {
    throw new InvalidArgumentError('It must be a number.');
  }
  return value;
}
