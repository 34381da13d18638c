/** Hints on real sentinels, a real cluster and a server with TLS: found again within seconds, whatever lost its role. */
import { copyFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import type { ServerProcess } from '../../distributed/stack/process/server-process.ts';
import { RedisHintStore } from '../../src/redis/hint-store.ts';
import type { RedisTarget } from '../../src/redis/redis-client.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { Authority } from '../support/servers/certificates.ts';
import { OwnServers } from '../support/servers/own-servers.ts';
import { waitFor } from '../support/wait-for.ts';

jest.setTimeout(120_000);

let servers: OwnServers;
const stores: RedisHintStore[] = [];
let lines: string[];

beforeEach(async () => {
  servers = await OwnServers.open();
  lines = [];
});

afterEach(async () => {
  for (const store of stores.splice(0)) store.close();
  await servers.close();
});

async function openStore(target: Partial<RedisTarget> & { address: string }): Promise<RedisHintStore> {
  const { address, ...rest } = target;
  const log = createLogger({ level: 'warn', instance: 'test' }, { write: (line: string) => void lines.push(line) });
  const options = { prefix: 'p:', ttlSeconds: 3600, commandTimeoutMs: 500, metrics: new Metrics(), log };
  const store = new RedisHintStore({ ...options, url: { url: () => address, tls: {}, isCluster: false, ...rest } });
  stores.push(store);
  await store.connect();
  return store;
}

let count = 0;

/** Resolves when something newly remembered is seen again. */
async function works(store: RedisHintStore, deadlineMs = 15_000): Promise<number> {
  const startedAtMs = performance.now();
  const round = async () => {
    count += 1;
    const id = `event-${count}`;
    store.remember([id]);
    await store.seen([id]);
    return (await store.seen([id]))[0] === true;
  };
  await waitFor(round, { deadlineMs, what: 'hints that are remembered' });
  return performance.now() - startedAtMs;
}

const addressOf = (...all: ServerProcess[]) => all.map(({ port }) => `127.0.0.1:${port}`).join(',');

async function ask(server: ServerProcess, ...command: [string, ...string[]]): Promise<unknown> {
  const client = new Redis({ port: server.port, host: '127.0.0.1', lazyConnect: true });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await client.call(...command);
  } finally {
    client.disconnect();
  }
}

test.each(['SIGKILL', 'SIGSTOP'] as const)('sentinels name the next master after %s of the former', async (signal) => {
  const login = 'requirepass secret\nmasterauth secret\n';
  const master = await servers.redis(['--port', '{port}'], login);
  const follow = ['--port', '{port}', '--replicaof', '127.0.0.1', `${master.port}`];
  await Promise.all([servers.redis(follow, login), servers.redis(follow, login)]);
  const watch = [
    `sentinel monitor main 127.0.0.1 ${master.port} 2`,
    'sentinel auth-pass main secret',
    'sentinel down-after-milliseconds main 1000',
    'sentinel failover-timeout main 6000',
    'requirepass watcher\nsentinel sentinel-pass watcher',
    'port {port}',
  ].join('\n');
  const sentinels = await Promise.all([1, 2, 3].map(() => servers.redis(['--sentinel'], watch)));
  const known = async () => {
    const sentinel = new Redis({ port: sentinels[0]?.port ?? 0, password: 'watcher' });
    const facts = `${await sentinel.call('info', 'sentinel')}`;
    sentinel.disconnect();
    return /slaves=2,sentinels=3/.test(facts);
  };
  await waitFor(known, { deadlineMs: 30_000, what: 'sentinels that know each other' });
  const sentinel = { name: 'main', username: null, password: () => 'watcher' };
  const store = await openStore({ address: `redis://:secret@${addressOf(...sentinels)}/0`, sentinel });
  await works(store);
  await master.kill(signal);
  const tookMs = await works(store, 20_000);
  process.stdout.write(`hints again ${tookMs.toFixed(0)} ms after ${signal} of the master\n`);
  expect(store.status()).toBe('up');
});

test('a server that becomes a replica, keeping its connections, is found again when it is a master', async () => {
  const [one, other] = [await servers.redis(['--port', '{port}']), await servers.redis(['--port', '{port}'])];
  const store = await openStore({ address: `redis://${addressOf(one)}` });
  await works(store);
  const clients = async () => Number(/id=(\d+)[^\n]*cmd=(?!client)/.exec(`${await ask(one, 'client', 'list')}`)?.[1]);
  const before = await clients();
  await ask(one, 'replicaof', '127.0.0.1', `${other.port}`);
  const isNew = async () => {
    store.remember(['refused']);
    return (await clients()) > before;
  };
  await waitFor(isNew, { deadlineMs: 15_000, what: 'another connection' });
  await ask(one, 'replicaof', 'no', 'one');
  expect(await works(store)).toBeLessThan(5000);
});

test('a cluster of three, one of which is killed', async () => {
  const args = ['--port', '{port}', '--cluster-enabled', 'yes', '--cluster-node-timeout', '1000'];
  const nodes = await Promise.all(
    [1, 2, 3].map(() => servers.redis([...args, '--cluster-require-full-coverage', 'no'])),
  );
  const [first] = nodes;
  if (first === undefined) throw new Error('there are three');
  for (const [index, node] of nodes.entries()) {
    const [from, to] = [Math.ceil((index * 16_384) / 3), Math.ceil(((index + 1) * 16_384) / 3) - 1];
    await ask(node, 'cluster', 'addslotsrange', `${from}`, `${to}`);
    await ask(node, 'cluster', 'meet', '127.0.0.1', `${first.port}`);
  }
  const isWhole = async () => {
    const facts = await Promise.all(nodes.map((node) => ask(node, 'cluster', 'info')));
    return facts.every((text) => /cluster_state:ok/.test(`${text}`) && /cluster_known_nodes:3/.test(`${text}`));
  };
  await waitFor(isWhole, { deadlineMs: 30_000, what: 'a whole cluster' });
  const store = await openStore({ address: `redis://${addressOf(first)}`, isCluster: true });
  await works(store);
  const many = Array.from({ length: 500 }, (_, index) => `many-${index}`);
  store.remember(many);
  const areSeen = async () => (await store.seen([...many, 'none'])).filter(Boolean).length === 500;
  await waitFor(areSeen, { deadlineMs: 10_000, what: 'all of a group' });
  const sizes = await Promise.all(nodes.map((node) => ask(node, 'dbsize')));
  expect(sizes.every((size) => Number(size) > 0)).toBe(true);
  await nodes[2]?.kill('SIGKILL');
  const startedAtMs = performance.now();
  await store.seen(many);
  expect(performance.now() - startedAtMs).toBeLessThan(1500);
});

describe('with TLS', () => {
  async function tlsServer(names: string, options: { expired?: boolean } = {}) {
    const authority = new Authority(servers.folder, 'authority');
    const own = authority.issue('server', names, options);
    for (const path of [own.certFile, own.keyFile, authority.caFile]) copyFileSync(path, `${path}.copy`);
    const tls = [
      '--tls-cert-file',
      own.certFile,
      '--tls-key-file',
      own.keyFile,
      '--tls-ca-cert-file',
      authority.caFile,
    ];
    const server = await servers.redis(['--port', '0', '--tls-port', '{port}', '--tls-auth-clients', 'yes', ...tls]);
    return { authority, server, client: authority.issue('client', 'DNS:client') };
  }

  test('certificates on both sides, and a key that is replaced on disk', async () => {
    const { authority, server, client } = await tlsServer('DNS:redis.test');
    const tls = { caFile: authority.caFile, ...client, serverName: 'redis.test' };
    await works(await openStore({ address: `rediss://${addressOf(server)}`, tls }));
    const stranger = new Authority(servers.folder, 'stranger').issue('client', 'DNS:client');
    const paths = { certFile: `${client.certFile}.used`, keyFile: `${client.keyFile}.used` };
    copyFileSync(stranger.certFile, paths.certFile);
    copyFileSync(stranger.keyFile, paths.keyFile);
    const store = await openStore({ address: `rediss://${addressOf(server)}`, tls: { ...tls, ...paths } });
    expect(store.status()).toBe('degraded');
    copyFileSync(client.certFile, paths.certFile);
    copyFileSync(client.keyFile, paths.keyFile);
    await works(store);
  });

  test.each<[string, string, { expired?: boolean }, string]>([
    ['another name', 'DNS:other.test', {}, 'the certificate is for another name'],
    ['an expired certificate', 'IP:127.0.0.1', { expired: true }, 'has expired'],
  ])('%s is refused with a hint', async (_, names, options, hint) => {
    const { authority, server, client } = await tlsServer(names, options);
    const store = await openStore({
      address: `rediss://${addressOf(server)}`,
      tls: { caFile: authority.caFile, ...client },
    });
    await waitFor(() => lines.some((line) => line.includes(hint)), {
      deadlineMs: 15_000,
      what: `a line with "${hint}"`,
    });
    expect(store.status()).toBe('degraded');
  });
});

test('a password that changes is read again', async () => {
  const server = await servers.redis(['--port', '{port}'], 'requirepass first');
  let password = 'first';
  const url = () => `redis://:${password}@${addressOf(server)}/0`;
  const store = await openStore({ address: '', url });
  await works(store);
  const admin = new Redis({ port: server.port, password });
  await admin.call('config', 'set', 'requirepass', 'second');
  password = 'second';
  await admin.call('client', 'kill', 'type', 'normal', 'skipme', 'yes');
  admin.disconnect();
  await works(store);
  expect(lines.join('')).not.toMatch(/first|second/);
});
