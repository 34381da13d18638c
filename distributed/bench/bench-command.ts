/** The command line of the bench: what is asked for, checked before anything starts. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { BacklogShape } from './backlog.ts';
import { SHAPES } from './shapes/run-shapes.ts';

const FULL: BacklogShape = { batches: 1_000, slots: 20, routing: 'production', seed: 1 };
const QUICK: BacklogShape = { ...FULL, batches: 100 };
const REPEATS = 3;
const SHAPE_NAMES = SHAPES.map(({ name }) => name);

export interface BenchRequest {
  readonly backlog: BacklogShape;
  readonly repeats: number;
  readonly peerRepeats: number;
  /** Empty: everybody. */
  readonly only: readonly string[];
  readonly against: string | null;
  readonly profile: boolean;
  /** Shapes in place of the table; empty: the table. */
  readonly shapes: readonly string[];
  readonly isQuick: boolean;
}

export function benchCommand(): Command {
  return new Command('bench')
    .description(
      'Measures this build beside what no whole can beat (floors), other ways to build it (peers) and the last\n' +
        'release: same topics, events and durability, in turn, every outcome verified. One table and a page.',
    )
    .option(
      '--quick',
      `a backlog of ${QUICK.batches * QUICK.slots} contents instead of ${FULL.batches * FULL.slots}, peers once: under five minutes`,
    )
    .option('--repeats <count>', 'rounds after the warm-up', wholeNumber, REPEATS)
    .option('--batches <count>', 'batches of the backlog', wholeNumber)
    .option('--slots <count>', 'contents of a batch', wholeNumber)
    .addOption(new Option('--routing <kind>', 'key of a content').choices(['production', 'adversarial']))
    .option('--only <names>', 'these contestants, separated by commas', names, [])
    .option(
      '--shape <names>',
      `in place of the table, a figure over something: ${SHAPE_NAMES.join(', ')}`,
      shapeNames,
      [],
    )
    .option('--against <ref>', 'the release, as git names it (default: the last one in CHANGELOG.md)')
    .option('--profile', 'a CPU profile of one worker of this build, by category')
    .option('--publish <results.json>', 'measure nothing: write the table of these results into README.md')
    .addHelpText(
      'after',
      '\nServers are started here; those of DATABASE_URL, REDIS_URL and KAFKA_BROKERS are not used: their CPU cannot be told\n' +
        'from that of their other users. Exit codes: 0 measured, 1 a wrong outcome, 2 wrong usage, 3 the environment cannot\n' +
        'start, 130 interrupted.',
    );
}

interface Flags {
  readonly quick?: boolean;
  readonly repeats: number;
  readonly batches?: number;
  readonly slots?: number;
  readonly routing?: BacklogShape['routing'];
  readonly only: readonly string[];
  readonly against?: string;
  readonly profile?: boolean;
  readonly shape: readonly string[];
}

export function readRequest(flags: Flags): BenchRequest {
  const { quick, repeats, batches, slots, routing, only, against, profile, shape } = flags;
  const base = quick ? QUICK : FULL;
  return {
    backlog: {
      ...base,
      ...(batches !== undefined && { batches }),
      ...(slots !== undefined && { slots }),
      ...(routing !== undefined && { routing }),
    },
    repeats,
    peerRepeats: quick ? 1 : repeats,
    only,
    against: against ?? null,
    profile: profile === true,
    shapes: shape,
    isQuick: quick === true,
  };
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1_000_000) {
    throw new InvalidArgumentError('It must be a whole number from 1 to 1000000.');
  }
  return value;
}

function names(text: string): string[] {
  return text.split(',').map((name) => name.trim());
}

function shapeNames(text: string): string[] {
  const chosen = names(text);
  const unknown = chosen.filter((name) => !SHAPE_NAMES.includes(name));
  if (unknown.length > 0) throw new InvalidArgumentError(`There is ${SHAPE_NAMES.join(', ')}.`);
  return chosen;
}
