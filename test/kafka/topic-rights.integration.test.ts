/**
 * A cluster that asks who comes and what he may: StandardAuthorizer and SASL PLAIN. Looking needs the right to describe;
 * what is only good for a better judgement is said to be missing, and keeps nobody from starting.
 */
import { appendFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, type Kafka, ResourcePatternTypes } from 'kafkajs';
import { type Stack, startStack } from '../../distributed/stack/stack.ts';
import { deadLetterTopic, topicsFor } from '../../src/contract/topics.ts';
import { createKafka } from '../../src/kafka/client.ts';
import { KafkaTopicAdmin } from '../../src/kafka/topic-admin.ts';
import { log } from './kafka-fixture.ts';

const LOGIN_MODULE = 'org.apache.kafka.common.security.plain.PlainLoginModule';
const USERS = { admin: 'admin-secret', worker: 'worker-secret', nobody: 'nobody-secret' };
const topics = topicsFor('');
const inbound = [topics.registration, topics.content, topics.failure];
const written = [topics.slotAssigned, topics.excess, topics.completed, ...inbound.map(deadLetterTopic)];

jest.setTimeout(120_000);

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ onlyNeeded: ['kafka'], onProgress: () => undefined });
  const [server] = stack.servers;
  await server?.stop();
  const folder = (await readdir(stack.dataDir)).find((name) => name.startsWith('kafka-') && !name.endsWith('.log'));
  const users = Object.entries(USERS).map(([name, password]) => `user_${name}="${password}"`);
  const login = `username="admin" password="${USERS.admin}"`;
  const settings = [
    'listener.security.protocol.map=BROKER:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
    'sasl.enabled.mechanisms=PLAIN',
    'sasl.mechanism.inter.broker.protocol=PLAIN',
    `listener.name.broker.plain.sasl.jaas.config=${LOGIN_MODULE} required ${login} ${users.join(' ')};`,
    'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users=User:admin;User:ANONYMOUS',
  ];
  await appendFile(join(stack.dataDir, folder ?? '', 'server.properties'), `${settings.join('\n')}\n`);
  await server?.start();
  await new KafkaTopicAdmin({ kafka: kafkaOf('admin') }).ensureTopics({ topics });
  await grant(inbound, AclOperationTypes.READ);
  await grant(written, AclOperationTypes.WRITE);
});
afterAll(() => stack?.stop());

function kafkaOf(username: string, password = USERS[username as keyof typeof USERS]): Kafka {
  const security = { login: { mechanism: 'plain' as const, username, password: () => password } };
  return createKafka({ brokers: stack.kafkaBrokers, clientId: username, log, security });
}

async function check(username: string, password?: string): Promise<{ problems: string[]; warnings: string[] }> {
  const warnings: string[] = [];
  const admin = new KafkaTopicAdmin({ kafka: kafkaOf(username, password) });
  const options = { topics, inboundPartitionsMin: 1, slotsMax: 10_000, warn: (text: string) => warnings.push(text) };
  return { problems: await admin.checkTopics(options), warnings };
}

async function grant(names: readonly string[], operation: AclOperationTypes): Promise<void> {
  await withAdmin((admin) => admin.createAcls({ acl: names.map((name) => acl(name, operation)) }));
}

async function revoke(name: string, operation: AclOperationTypes): Promise<void> {
  await withAdmin((admin) => admin.deleteAcls({ filters: [acl(name, operation)] }));
}

const acl = (resourceName: string, operation: AclOperationTypes) => ({
  resourceType: AclResourceTypes.TOPIC,
  resourceName,
  resourcePatternType: ResourcePatternTypes.LITERAL,
  principal: 'User:worker',
  host: '*',
  operation,
  permissionType: AclPermissionTypes.ALLOW,
});

async function withAdmin(work: (admin: ReturnType<Kafka['admin']>) => Promise<unknown>): Promise<void> {
  const admin = kafkaOf('admin').admin();
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.disconnect();
  }
}

describe('a user with the rights of the work alone', () => {
  test('starts, and hears once what cannot be judged', async () => {
    expect(await check('worker')).toEqual({
      problems: [],
      warnings: [expect.stringMatching(/settings of 9 topics are not checked.*DescribeConfigs/)],
    });
  });

  test('hears nothing where he may see the settings', async () => {
    await grant([...inbound, ...written], AclOperationTypes.DESCRIBE_CONFIGS);
    expect(await check('worker')).toEqual({ problems: [], warnings: [] });
  });

  test('is told which right on which topic he lacks', async () => {
    await revoke(topics.content, AclOperationTypes.READ);
    await grant([topics.content], AclOperationTypes.DESCRIBE);
    await revoke(topics.completed, AclOperationTypes.WRITE);
    const { problems } = await check('worker');
    expect(problems).toEqual([
      expect.stringMatching(`${topics.content} may not be read`),
      expect.stringMatching(`${topics.completed} (may not be written|may not be described)`),
    ]);
  });

  test('is told in one line that he may not create topics', async () => {
    const creating = new KafkaTopicAdmin({ kafka: kafkaOf('worker') }).ensureTopics({ topics: topicsFor('other.') });
    await expect(creating).rejects.toMatchObject({
      code: 'START_CHECK_FAILED',
      message: expect.stringContaining('grant Create'),
    });
  });
});

describe('a login', () => {
  test('that is refused is not waited for', async () => {
    const refusal = { code: 'START_CHECK_FAILED', message: expect.stringContaining('KAFKA_SASL_PASSWORD') };
    await expect(check('worker', 'wrong')).rejects.toMatchObject(refusal);
  });

  test('without rights is told that nothing may be described', async () => {
    const { problems } = await check('nobody');
    expect(problems).toHaveLength(9);
    expect(problems[0]).toContain('grant Describe');
  });
});
