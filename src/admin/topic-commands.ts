/** `els topics`: creates the topics of the contract and their dead-letter topics; never changes an existing one. */
import type { Command } from 'commander';
import { AppError } from '../errors.ts';
import { type Open, type TopicAdmin, using } from './deps.ts';
import { type AdminIo, formatTable, printResult, wholeNumber } from './output.ts';

const HEADERS = ['TOPIC', 'PARTITIONS', 'REPLICAS', 'MIN-ISR', 'RETENTION', 'STATE'];
const HOUR_MS = 3_600_000;

export function addTopicCommands(program: Command, open: Open<TopicAdmin>, io: AdminIo): void {
  const topics = program.command('topics').description('create and check the Kafka topics');

  topics
    .command('ensure')
    .description('create the topics that are missing, and say what differs in those that exist')
    .option('--partitions <count>', 'of each created topic; more than instances', wholeNumber(1, 10_000), 15)
    .option(
      '--replication-factor <count>',
      'of each created topic; default: 3, or as many as there are brokers',
      wholeNumber(1, 100),
    )
    .action(async (options: { partitions: number; replicationFactor?: number }, command: Command) => {
      const { partitions, replicationFactor } = options;
      const { states, differences } = await using(open, async (port) => {
        const states = await port.ensure({ partitions, replicationFactor });
        const differences: string[] = [];
        const problems = await port.check((text) => differences.push(text));
        return { states, differences: [...problems, ...differences] };
      });
      const rows = states.map(({ topic, partitions, replicas, inSyncReplicasMin, retentionMs, created }) => [
        topic,
        partitions,
        replicas,
        inSyncReplicasMin,
        retention(retentionMs),
        created ? 'created' : 'present, unchanged',
      ]);
      const lines = [formatTable(HEADERS, rows), ...differences.map((text) => `differs: ${text}`)];
      printResult(command, io, { topics: states, differences }, lines.join('\n'));
    });

  topics
    .command('check')
    .description('say what stands in the way of a start, and what is unwise')
    .action(async (_options: unknown, command: Command) => {
      const warnings: string[] = [];
      const problems = await using(open, (port) => port.check((text) => warnings.push(text)));
      const lines = [...problems, ...warnings.map((text) => `warning: ${text}`)];
      const isWell = problems.length === 0;
      if (isWell) lines.push(warnings.length === 0 ? 'topics are as they must be' : 'topics do for a start');
      printResult(command, io, { problems, warnings }, lines.join('\n'));
      if (!isWell) throw new AppError('START_CHECK_FAILED', `${problems.length} found`);
    });
}

function retention(retentionMs: number | null): string | null {
  if (retentionMs === null) return null;
  return retentionMs < 0 ? 'unlimited' : `${Math.round(retentionMs / HOUR_MS)} h`;
}
