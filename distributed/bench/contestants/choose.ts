/** Who takes part in a bench: those asked for, as far as this machine can run them; whoever is left out is named. */
import type { Release } from '../builds.ts';
import type { Contestant } from '../contestant.ts';
import type { NodeProgram } from '../newer-node.ts';
import type { BenchResults } from '../results.ts';
import { everybody, QUEUES_ON_NEWER_NODE, RELEASE_NAMES, type Surroundings } from './catalogue.ts';

export interface Choice {
  readonly contestants: readonly Contestant[];
  readonly release: Release | null;
  readonly leftOut: BenchResults['leftOut'];
}

/** How to get what some contestants need; each is asked for only if one of them takes part. */
export interface Needs {
  release(): Promise<Release>;
  newerNode(): Promise<NodeProgram>;
}

const ANY_RELEASE: Release = { root: '', commit: '', name: '' };
const ANY_NODE: NodeProgram = { path: '', version: '' };

/** Names nobody has. */
export function unknownNames(names: readonly string[], around: Surroundings): string[] {
  const known = knownNames(around);
  return names.filter((name) => !known.includes(name));
}

export function knownNames(around: Surroundings): string[] {
  return everybody(around, ANY_RELEASE, ANY_NODE).map(({ name }) => name);
}

/** All without names. */
export async function chooseContestants(names: readonly string[], around: Surroundings, needs: Needs): Promise<Choice> {
  const leftOut: { name: string; reason: string }[] = [];
  const isWanted = (name: string) => names.length === 0 || names.includes(name);
  const get = async <T>(users: readonly string[], need: () => Promise<T>): Promise<T | null> => {
    const wanted = users.filter(isWanted);
    if (wanted.length === 0) return null;
    return need().catch((error: Error) => {
      leftOut.push(...wanted.map((name) => ({ name, reason: error.message })));
      return null;
    });
  };
  const release = await get(RELEASE_NAMES, needs.release);
  const node = await get(QUEUES_ON_NEWER_NODE, needs.newerNode);
  const contestants = everybody(around, release, node).filter(({ name }) => isWanted(name));
  return { contestants, release, leftOut };
}
