/** `els topics`: creates the topics of the contract and their dead-letter topics; never changes an existing one. */
import type { Command } from 'commander';
import { AppError } from '../errors.ts';
import { type Open, type TopicAdmin, using } from './deps.ts';
import { type AdminIo, formatTable, printResult, wholeNumber } from './output.ts';

export function addTopicCommands(program: Command, open: Open<TopicAdmin>, io: AdminIo): void {
  const topics = program.command('topics').description('create and check the Kafka topics');

  topics
    .command('ensure')
    .description('create the topics that are missing')
    .option('--partitions <count>', 'of each created topic; more than instances', wholeNumber(1, 10_000), 15)
    .option('--replication-factor <count>', 'copies of each created topic', wholeNumber(1, 100), 1)
    .action(async (options: { partitions: number; replicationFactor: number }, command: Command) => {
      const states = await using(open, (port) => port.ensure(options));
      const rows = states.map(({ topic, partitions, created }) => [topic, partitions, created ? 'created' : 'present']);
      printResult(command, io, { topics: states }, formatTable(['TOPIC', 'PARTITIONS', 'STATE'], rows));
    });

  topics
    .command('check')
    .description('say what stands in the way of a start')
    .action(async (_options: unknown, command: Command) => {
      const problems = await using(open, (port) => port.check());
      printResult(
        command,
        io,
        { problems },
        problems.length === 0 ? 'topics are as they must be' : problems.join('\n'),
      );
      if (problems.length > 0) {
        throw new AppError('START_CHECK_FAILED', `${problems.length} found`);
      }
    });
}
