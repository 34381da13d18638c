/**
 * Goal: who copies an example gets it right. Method: the producer feeds a real worker; both consumers must print each
 * completion once, also when the same record comes again. A copy is known to have been read when a later event of its
 * partition is printed.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pinnedJars, pomFile } from '../../distributed/stack/servers/kafka-distribution.ts';
import { ChildCommand, ChildProgram } from '../support/child-program.ts';
import { waitFor } from '../support/wait-for.ts';
import { WorkerFixture } from '../support/worker/worker-fixture.ts';

const BATCH = 'example-batch';
const LATER = 'a-later-event';
const DEADLINE_MS = 30_000;

jest.setTimeout(120_000);

describe('the examples', () => {
  let fixture: WorkerFixture;
  let typescript: ChildCommand;
  let java: ChildCommand;

  const env = () => {
    const { KAFKA_BROKERS = '', TOPIC_PREFIX = '' } = fixture.env();
    return { KAFKA_BROKERS, TOPIC_PREFIX };
  };
  const upload = async (...args: string[]) => {
    const producer = new ChildProgram('examples/typescript/upload-batch.ts', args, env());
    expect(await producer.exited()).toBe(0);
    return producer.stdout;
  };
  const linesWith = ({ stdout }: ChildCommand, ...words: string[]) =>
    stdout.split('\n').filter((line) => words.every((word) => line.includes(word)));

  beforeAll(async () => {
    fixture = await WorkerFixture.open({ inboundPartitions: 2 });
    await fixture.launchReady('worker');
    typescript = new ChildProgram(
      'examples/typescript/follow-completions.ts',
      ['--group', `${fixture.prefix}ts`],
      env(),
    );
    const libraries = join(process.env['KAFKA_HOME'] ?? pinnedJars(), process.env['KAFKA_HOME'] ? 'libs' : '', '*');
    java = new ChildCommand('java', ['-cp', libraries, 'examples/java/FollowCompletions.java'], {
      ...env(),
      GROUP: `${fixture.prefix}java`,
    });
    for (const consumer of [typescript, java]) {
      await waitFor(() => consumer.stderr.includes('ready') || consumer.hasEnded, {
        deadlineMs: DEADLINE_MS,
        what: 'a consumer that is ready',
      });
    }
  });
  afterAll(async () => {
    typescript?.kill('SIGKILL');
    java?.kill('SIGKILL');
    await fixture?.close();
  });

  test('a batch that the producer uploads is printed complete by both consumers', async () => {
    expect(await upload('--batch', BATCH, '--texts', '3', '--failed', '1')).toContain(BATCH);
    await typescript.printed('batch.content.provisioning.completed');
    await java.printed(`complete ${BATCH}`);
    const [completion = ''] = linesWith(typescript, 'batch.content.provisioning.completed');
    expect(JSON.parse(completion)).toMatchObject({ batch_id: BATCH, provisioned_count: 3, expected_count: 4 });
    await waitFor(() => linesWith(typescript, 'essay.slot.assigned').length === 3, {
      deadlineMs: DEADLINE_MS,
      what: 'three assignments',
    });
  });

  test('a copy of the completion is not printed again', async () => {
    const topic = fixture.topics.completed;
    const [original] = (await fixture.tail.complete()).filter((record) => record.topic === topic);
    if (original?.value === null || original?.value === undefined) throw new Error('no completion was published');
    const { partition, key, value, headers } = original;
    const later = value.toString().replace(String(headers['event_id']), LATER);
    const producer = fixture.kafka.producer();
    await producer.connect();
    await producer.send({
      topic,
      messages: [
        { partition, key, value, headers },
        { partition, key, value: later, headers: { ...headers, event_id: LATER } },
      ],
    });
    await producer.disconnect();
    await typescript.printed(LATER);
    await java.printed(LATER);
    expect(linesWith(typescript, 'batch.content.provisioning.completed')).toHaveLength(2);
    expect(linesWith(java, 'complete')).toHaveLength(2);
  });

  test('what is no event of the contract is passed over, and does not stop what follows', async () => {
    const topic = fixture.topics.completed;
    const producer = fixture.kafka.producer();
    await producer.connect();
    const foreign = JSON.stringify({
      event_id: 'x',
      event_type: 'foreign',
      schema_version: 1,
      data: { batch_id: 'x' },
    });
    await producer.send({ topic, messages: ['not JSON', foreign].map((value) => ({ key: 'x', value })) });
    await producer.disconnect();
    for (const consumer of [typescript, java]) {
      await waitFor(() => consumer.stderr.split('passed over').length === 3, {
        deadlineMs: DEADLINE_MS,
        what: 'a report',
      });
    }
    await upload('--batch', 'the-next-batch', '--texts', '1');
    await typescript.printed('the-next-batch');
    await java.printed('complete the-next-batch');
  });

  test('the one in Java is built for the Kafka that it is tested with', () => {
    const versionIn = (pom: string) =>
      />kafka(?:_2\.13|-clients)<\/artifactId>\s*<version>([^<]+)/.exec(readFileSync(pom, 'utf8'))?.[1];
    expect(versionIn('examples/java/pom.xml')).toBe(versionIn(pomFile()));
  });

  test('they say what they need, and end in order', async () => {
    for (const example of ['upload-batch', 'follow-completions']) {
      const help = new ChildProgram(`examples/typescript/${example}.ts`, ['--help']);
      expect(await help.exited()).toBe(0);
      expect(help.stdout).toContain('KAFKA_BROKERS');
    }
    const nothing = new ChildProgram('examples/typescript/upload-batch.ts', ['--texts', '0'], env());
    expect(await nothing.exited()).toBe(1);
    expect(nothing.stderr).toContain('at least one slot');
    typescript.kill('SIGTERM');
    java.kill('SIGTERM');
    expect(await typescript.exited()).toBe(0);
    expect(await java.exited()).toBe(0);
  });
});
