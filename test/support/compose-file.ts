/** The compose file as compose reads it, without an engine: variables filled in, anchors and merges resolved. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { COMPOSE_FILE } from '../../distributed/compose/compose-project.ts';
import { projectRoot } from '../../distributed/stack/process/project-root.ts';

const limits = z.object({ cpus: z.string(), memory: z.string() });

const serviceSchema = z.looseObject({
  image: z.string(),
  build: z.unknown().optional(),
  command: z.union([z.string(), z.array(z.string())]).optional(),
  environment: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z.looseObject({ test: z.array(z.string()) }).optional(),
  deploy: z.looseObject({ replicas: z.number().int().optional(), resources: z.object({ limits }) }),
  profiles: z.array(z.string()).default([]),
  read_only: z.boolean().default(false),
  restart: z.string().optional(),
  stop_grace_period: z.string().optional(),
});
export type ComposeService = z.infer<typeof serviceSchema>;

const fileSchema = z.looseObject({
  services: z.record(z.string(), serviceSchema),
  volumes: z.record(z.string(), z.unknown()),
});

/** The text with every `${NAME:-default}` filled in; any other form of a variable is an error. */
export function interpolate(text: string, env: Readonly<Record<string, string>>): string {
  const filled = text.replaceAll(/\$\{(\w+):-([^${}]*)\}/g, (_match, name: string, fallback: string) => {
    const value = env[name];
    return value === undefined || value === '' ? fallback : value;
  });
  const left = /\$[{\w][^\s"]*/.exec(filled);
  if (left !== null) throw new Error(`${left[0]} has no default`);
  return filled;
}

export function composeText(): string {
  return readFileSync(join(projectRoot(), COMPOSE_FILE), 'utf8');
}

/** As it is, for the schema. */
export function composeDocument(env: Readonly<Record<string, string>> = {}): unknown {
  return parse(interpolate(composeText(), env), { merge: true });
}

export function composeServices(env: Readonly<Record<string, string>> = {}): ReadonlyMap<string, ComposeService> {
  return new Map(Object.entries(fileSchema.parse(composeDocument(env)).services));
}

/** `127.0.0.1:8080:80` in its three parts. */
export function publishedPort(port: string): {
  readonly host: string;
  readonly published: string;
  readonly target: string;
} {
  const [host = '', published = '', target = ''] = port.split(':');
  return { host, published, target };
}
