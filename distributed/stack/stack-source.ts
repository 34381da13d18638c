/** Where the servers of a stack come from, unless the environment names them one by one. */
import { StackError } from './process/stack-error.ts';

export const STACK_SOURCES = ['local', 'docker'] as const;
export type StackSource = (typeof STACK_SOURCES)[number];

export const SOURCE_VARIABLE = 'ELS_STACK';

/** For tests and programs that are not told otherwise. */
export function stackSource(): StackSource {
  const value = process.env[SOURCE_VARIABLE]?.trim() || 'local';
  const source = STACK_SOURCES.find((known) => known === value);
  if (source === undefined) throw new StackError(`${SOURCE_VARIABLE} is ${value}; it is ${STACK_SOURCES.join(' or ')}`);
  return source;
}
