import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { imageOf, tagOf } from '../../../../distributed/stack/containers/container-images.ts';
import { projectRoot } from '../../../../distributed/stack/process/project-root.ts';
import { lastWords } from '../../../../distributed/stack/process/run-command.ts';
import { javaMajor, javaPackage } from '../../../../distributed/stack/programs/java.ts';
import { endpointsOf } from '../../../../distributed/stack/servers/external.ts';
import { kafkaVersion, pomFile } from '../../../../distributed/stack/servers/kafka-distribution.ts';
import {
  kafkaEnvironment,
  kafkaProperties,
  metaProperties,
  randomId,
} from '../../../../distributed/stack/servers/kafka-settings.ts';
import { postgresArguments } from '../../../../distributed/stack/servers/postgres.ts';
import { redisArguments } from '../../../../distributed/stack/servers/redis.ts';

const node = (id: number) => ({ id, brokerPort: 20_000 + id, controllerPort: 21_000 + id });

describe('settings of the stack', () => {
  test('one Kafka node replicates to itself only', () => {
    const lines = kafkaProperties({ nodes: [node(1)], id: 1, folder: '/data' }).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'controller.quorum.voters=1@127.0.0.1:21001',
        'listeners=BROKER://127.0.0.1:20001,CONTROLLER://127.0.0.1:21001',
        'min.insync.replicas=1',
        'offsets.topic.replication.factor=1',
        'auto.create.topics.enable=false',
        'group.initial.rebalance.delay.ms=0',
      ]),
    );
  });

  test('three Kafka nodes need two acknowledgements and know each other', () => {
    const nodes = [node(1), node(2), node(3)];
    const lines = kafkaProperties({ nodes, id: 2, folder: '/data' }).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'node.id=2',
        'controller.quorum.voters=1@127.0.0.1:21001,2@127.0.0.1:21002,3@127.0.0.1:21003',
        'listeners=BROKER://127.0.0.1:20002,CONTROLLER://127.0.0.1:21002',
        'min.insync.replicas=2',
        'transaction.state.log.min.isr=2',
        'default.replication.factor=3',
        'broker.session.timeout.ms=3000',
      ]),
    );
  });

  test('a Kafka node in a container has the same settings, and tells clients its published port', () => {
    const variables = kafkaEnvironment('127.0.0.1:20001', 'cluster');
    const properties = kafkaProperties({ nodes: [node(1)], id: 1, folder: '/data' })
      .trim()
      .split('\n');
    const ofItsPlace = /^(controller\.quorum\.voters|listeners|listener\.security\.protocol\.map|log\.dirs)=/;
    for (const property of properties.filter((line) => !ofItsPlace.test(line))) {
      const [name = '', value] = property.split('=');
      expect(variables[`KAFKA_${name.toUpperCase().replaceAll('.', '_')}`]).toBe(value);
    }
    expect(variables['KAFKA_ADVERTISED_LISTENERS']).toBe('CLIENT://127.0.0.1:20001,BROKER://localhost:9094');
    expect(variables['CLUSTER_ID']).toBe('cluster');
  });

  test('containers and local processes are of the same versions', () => {
    expect(readFileSync(pomFile(), 'utf8')).toContain(`<version>${tagOf(imageOf('kafka'))}</version>`);
    const manifest = readFileSync(join(projectRoot(), 'package.json'), 'utf8');
    const { optionalDependencies } = JSON.parse(manifest) as { optionalDependencies: Record<string, string> };
    const versions = Object.values(optionalDependencies);
    expect(versions.length).toBeGreaterThan(0);
    for (const version of versions) expect(version).toMatch(new RegExp(`^${tagOf(imageOf('postgres'))}\\.`));
    expect(tagOf(imageOf('redis'))).toMatch(/^\d+\.\d+/);
  });

  test.each([
    ['registry.example:5000/redis', 'latest'],
    ['registry.example:5000/redis:7.4', '7.4'],
    ['redis:7.4@sha256:0123', '7.4'],
  ])('the tag of %s is %s', (image, tag) => {
    expect(tagOf(image)).toBe(tag);
  });

  test('a Kafka folder has the identity of its cluster and node, and one of its own', () => {
    const [one, two] = [metaProperties('cluster', 3), metaProperties('cluster', 3)];
    expect(one).toMatch(/^version=1\ncluster\.id=cluster\nnode\.id=3\ndirectory\.id=[\w-]{22}\n$/);
    expect(one).not.toBe(two);
  });

  test('an id never begins with a dash', () => {
    for (let round = 0; round < 1_000; round += 1) expect(randomId()).toMatch(/^\w[\w-]{21}$/);
  });

  test('PostgreSQL stays durable and listens on the loopback only', () => {
    const args = postgresArguments(5_000, '/data');
    for (const setting of ['fsync=on', 'synchronous_commit=on', 'listen_addresses=127.0.0.1', 'port=5000', 'jit=off']) {
      expect(args[args.indexOf(setting) - 1]).toBe('-c');
    }
  });

  test('Redis keeps nothing on disk and listens on the loopback only', () => {
    const line = redisArguments(6_000, '/data').join(' ');
    expect(line).toContain('--port 6000 --bind 127.0.0.1');
    expect(line).toContain('--save  --appendonly no');
    expect(line).toContain('--databases 256');
  });

  test.each([
    ['17.0.15', 17],
    ['21', 21],
    ['1.8.0_392', 8],
    ['22-ea', 22],
  ])('Java %s is major version %i', (version, major) => {
    expect(javaMajor(version)).toBe(major);
  });

  test.each([
    ['debian-12', 'openjdk-17-jre-headless'],
    ['debian-13', 'default-jre-headless'],
    ['ubuntu-22.04', 'openjdk-17-jre-headless'],
    ['ubuntu-24.04', 'default-jre-headless'],
    ['linuxmint-22', 'default-jre-headless'],
  ])('on %s the package %s is new enough', (release, name) => {
    expect(javaPackage(release)).toBe(name);
  });

  test('the version of Kafka is in the name of its jar', () => {
    expect(kafkaVersion(['kafka-clients-4.3.0.jar', 'kafka_2.13-4.3.0-sources.jar', 'kafka_2.13-4.3.0.jar'])).toBe(
      '4.3.0',
    );
    expect(kafkaVersion(['kafka-clients-4.3.0.jar'])).toBeUndefined();
  });

  test.each([
    ['postgresql://user:p%40ss@db.example/x', [{ host: 'db.example', port: 5432 }]],
    ['redis://[::1]:7000/3', [{ host: '::1', port: 7000 }]],
    [
      'a:9092, b:9093',
      [
        { host: 'a', port: 9092 },
        { host: 'b', port: 9093 },
      ],
    ],
    ['postgresql:///x?host=/run/postgresql', []],
  ])('%s names its hosts and ports', (value, endpoints) => {
    expect(endpointsOf(value)).toEqual(endpoints);
  });

  test('of a failed program the first errors are told, else its last lines', () => {
    expect(lastWords('a\n[ERROR] cause\n[ERROR] more\n[ERROR] help\n')).toBe('[ERROR] cause | [ERROR] more');
    expect(lastWords('1\n2\n3\n4\n5\n6\n\n')).toBe('2 | 3 | 4 | 5 | 6');
    expect(lastWords('')).toBe('it said nothing');
  });
});
