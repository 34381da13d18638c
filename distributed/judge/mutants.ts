/**
 * The workers and gateways that are wrong on purpose. Each is a program in `test/mutants/` whose first line says what is wrong with
 * it and which invariants catch it; whoever needs the list reads it there, so that it exists once.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = 'test/mutants';
const EXTENSION = '.ts';
const HEADER = /^\/\*\* (.+) Caught by (I\d+(?: or I\d+)*)\. \*\/\n/;

export interface Mutant {
  readonly name: string;
  /** What it takes the place of; a gateway's name begins so. */
  readonly of: 'worker' | 'gateway';
  /** See `mutantProgram`. */
  readonly file: string;
  readonly wrong: string;
  /** Ids of invariants; at least one of them is broken. */
  readonly caughtBy: readonly string[];
}

/** The program of a mutant, from the root of the checkout. */
export function mutantProgram(name: string): string {
  return `${FOLDER}/${name}${EXTENSION}`;
}

export function isGatewayMutant(name: string): boolean {
  return name.startsWith('gateway-');
}

/** None where there are no tests, as in an image. */
export function readMutants(root: string): Mutant[] {
  const folder = join(root, FOLDER);
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith(EXTENSION));
  return files.sort().map((file) => {
    const [, wrong, ids] = HEADER.exec(readFileSync(join(folder, file), 'utf8')) ?? [];
    if (wrong === undefined || ids === undefined) {
      throw new Error(`${FOLDER}/${file} must begin with what is wrong, and "Caught by I1 or I2."`);
    }
    const name = file.slice(0, -EXTENSION.length);
    const of = isGatewayMutant(name) ? 'gateway' : 'worker';
    return { name, of, file: mutantProgram(name), wrong, caughtBy: ids.split(' or ') };
  });
}
