/**
 * Goal: a part that cannot be set up leaves nothing behind. Method: a topic setting that Kafka refuses, after the sandbox
 * was made; then a look for its topics and its database.
 */
import { Client } from 'pg';
import { GATEWAY_PROGRAM } from '../../../distributed/cluster/gateway-tier.ts';
import { kafkaClient, withAdmin } from '../../../distributed/cluster/kafka-client.ts';
import { type Sandbox, WORKER_PROGRAM } from '../../../distributed/cluster/product.ts';
import { onStack } from '../../../distributed/command/on-stack.ts';
import { runParts } from '../../../distributed/command/run-parts.ts';
import { runPart } from '../../../distributed/engine/run-part.ts';
import { projectRoot } from '../../../distributed/stack/process/project-root.ts';
import { useServersOfTestRun } from '../../support/servers/external-run.ts';

const REFUSED_BYTES = -5;

const testRun = useServersOfTestRun();

const common = {
  schemaVersion: 1,
  tier: 'quick',
  stack: 'external',
  servers: {
    postgres: { version: 'external', real: true },
    redis: { version: 'external', real: true },
    kafka: { version: 'external', real: true },
  },
  commit: null,
  node: process.version,
  platform: 'test',
  cores: 1,
  memoryBytes: 1,
  replay: 'none',
} as const;

test('a part whose sandbox cannot be finished is not begun, and its sandbox is gone', async () => {
  const root = projectRoot();
  const { signal } = new AbortController();
  const output = { isTTY: false, columns: 80, write: () => undefined };
  const say = () => undefined;
  let isBegun = false;
  let made: Sandbox | undefined;
  const plan = {
    name: 'refused',
    workers: 1,
    messageBytesMax: REFUSED_BYTES,
    run: async () => {
      isBegun = true;
    },
  };
  await onStack({ source: 'local', kafkaNodes: 1, root, signal, say }, async ({ stack, sandboxes }) => {
    const create = sandboxes.create.bind(sandboxes);
    sandboxes.create = async (options) => {
      made = await create(options);
      return made;
    };
    const programs = { program: WORKER_PROGRAM, gatewayProgram: GATEWAY_PROGRAM };
    const around = { stack, sandboxes, root, ...programs, signal, output, useColour: false };
    const run = runParts({
      name: 'refused',
      seed: 1,
      options: {},
      parts: [
        {
          name: 'refused',
          title: 'refused',
          size: '1 instance',
          environment: { scenario: 'refused', seed: 1, options: {}, instances: 1 },
          run: (directory, identity) =>
            runPart({ ...around, observation: null, plan, title: 'refused', directory, identity }),
        },
      ],
      common,
      outputFolder: testRun.folder,
      signal,
      say,
    });
    await expect(run).rejects.toThrow(/max.message.bytes|configuration/i);
    expect(isBegun).toBe(false);
    const prefix = made?.addresses.topicPrefix ?? 'none was made';
    const topics = await withAdmin(kafkaClient(stack.kafkaBrokers, 'test'), (admin) => admin.listTopics());
    expect(topics.filter((topic) => topic.startsWith(prefix))).toEqual([]);
    const client = new Client({ connectionString: stack.databaseUrl });
    await client.connect();
    const database = new URL(made?.addresses.databaseUrl ?? '').pathname.slice(1);
    const { rows } = await client.query('select 1 from pg_database where datname = $1', [database]);
    await client.end();
    expect(rows).toEqual([]);
  });
}, 60_000);
