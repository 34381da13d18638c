/** The servers' images, named and pinned in one place: the compose file. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { projectRoot } from '../process/project-root.ts';
import { StackError } from '../process/stack-error.ts';
import type { ServerKind } from '../servers/external.ts';

const COMPOSE_FILE = 'docker-compose.distributed-test.yml';

interface ComposeFile {
  readonly services: Readonly<Record<string, { readonly image?: string } | undefined>>;
}

export function imageOf(kind: ServerKind): string {
  const { services } = parse(readFileSync(join(projectRoot(), COMPOSE_FILE), 'utf8')) as ComposeFile;
  const image = services[kind]?.image;
  if (image === undefined) throw new StackError(`${COMPOSE_FILE} names no image for ${kind}`);
  return image;
}

/** `4.3.0` of `apache/kafka:4.3.0`. */
export function tagOf(image: string): string {
  return /:([^:/@]+)(@|$)/.exec(image)?.[1] ?? 'latest';
}
