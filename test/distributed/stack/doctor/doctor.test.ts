import { diagnose, type MachineFacts } from '../../../../distributed/stack/doctor/doctor.ts';
import { canStart, findingsAsText } from '../../../../distributed/stack/doctor/doctor-report.ts';

const COMPLETE: MachineFacts = {
  node: 'v20.20.2',
  pnpm: '10.34.9',
  platform: 'linux',
  root: false,
  debian: true,
  java: { version: '17.0.15', command: '/usr/bin/java' },
  maven: '/usr/bin/mvn',
  postgres: { version: '18.4', from: 'npm package' },
  redis: '/usr/bin/redis-server',
  kafkaHome: undefined,
  kafkaJarsCached: true,
  docker: undefined,
  cores: 2,
  memoryFreeBytes: 8e9,
  diskFreeBytes: { temporary: 50e9, cache: 50e9 },
  cacheDirectory: '/home/a/.cache/x',
  external: { postgres: undefined, redis: undefined, kafka: undefined },
  remedies: { java: 'get java', maven: 'get maven', redis: 'get redis' },
};

const missing = (facts: Partial<MachineFacts>) =>
  diagnose({ ...COMPLETE, ...facts }).filter((finding) => finding.state === 'missing');

describe('the doctor', () => {
  test('finds nothing missing on a complete machine', () => {
    expect(missing({})).toEqual([]);
    expect(findingsAsText(diagnose(COMPLETE))).toMatch(/can start\.$/);
  });

  test('says what mends a missing Java', () => {
    expect(missing({ java: undefined })).toEqual([
      { name: 'Java', state: 'missing', found: 'not found', remedy: 'get java' },
    ]);
    expect(findingsAsText(diagnose({ ...COMPLETE, java: undefined }))).toMatch(
      /-> get java\n[\s\S]*cannot start: Java\.$/,
    );
  });

  test('lets root on Debian start, because Java is installed then', () => {
    expect(missing({ java: undefined, root: true })).toEqual([]);
    expect(missing({ java: undefined, root: true, debian: false })).toHaveLength(1);
  });

  test('needs Maven only as long as the jars are not there', () => {
    expect(missing({ maven: undefined })).toEqual([]);
    expect(missing({ maven: undefined, kafkaJarsCached: false })).toMatchObject([{ name: 'Maven' }]);
    const kafkaHome = { folder: '/opt/kafka', version: '4.3.0' };
    expect(missing({ maven: undefined, kafkaJarsCached: false, kafkaHome })).toEqual([]);
  });

  test('refuses a KAFKA_HOME without Kafka', () => {
    const kafkaHome = { folder: '/opt/kafka', version: undefined };
    expect(missing({ kafkaHome })).toMatchObject([{ name: 'Kafka', found: expect.stringContaining('/opt/kafka') }]);
  });

  test('needs nothing local of a server that the environment names, if it answers', () => {
    const facts = { java: undefined, maven: undefined, kafkaJarsCached: false };
    expect(missing({ ...facts, external: { ...COMPLETE.external, kafka: { answers: true } } })).toEqual([]);
    expect(missing({ ...facts, external: { ...COMPLETE.external, kafka: { answers: false } } })).toMatchObject([
      { name: 'Kafka', remedy: expect.stringContaining('KAFKA_BROKERS') },
    ]);
  });

  test('misses Redis only where no package can be fetched', () => {
    expect(missing({ redis: undefined })).toEqual([]);
    expect(missing({ redis: undefined, debian: false })).toMatchObject([{ name: 'Redis', remedy: 'get redis' }]);
  });

  test('passes on why no PostgreSQL can be used', () => {
    expect(missing({ postgres: { problem: 'version 14 only' } })).toMatchObject([{ found: 'version 14 only' }]);
  });

  test('refuses an old Node and a full disk, and only warns of little memory', () => {
    expect(missing({ node: 'v20.10.0' })).toMatchObject([{ name: 'Node' }]);
    expect(missing({ node: 'v22.0.0' })).toEqual([]);
    expect(missing({ diskFreeBytes: { temporary: 1e6, cache: 50e9 } })).toMatchObject([{ name: 'free disk, data' }]);
    const tight = diagnose({ ...COMPLETE, memoryFreeBytes: 1e6 });
    expect(tight).toContainEqual(expect.objectContaining({ name: 'free memory', state: 'note' }));
    expect(canStart(tight)).toBe(true);
  });
});
