import { Program } from '../../src/composition/program.ts';
import { composeWorker } from '../../src/composition/worker.ts';
import { loadConfig } from '../../src/config/config.ts';

const CONFIG = loadConfig({
  DATABASE_URL: 'postgres://els:x@db.invalid/els',
  KAFKA_BROKERS: 'kafka.invalid:9092',
  REDIS_URL: 'redis://redis.invalid',
});

test('composing a worker opens nothing, and gives the same program each time', () => {
  const container = composeWorker(CONFIG);
  const program = container.resolve(Program);
  expect(program.services.at(-1)).toBeDefined();
  expect(container.resolve(Program)).toBe(program);
  expect(composeWorker(CONFIG).resolve(Program)).not.toBe(program);
});

test('every service of a worker has a name of its own', () => {
  const names = composeWorker(CONFIG)
    .resolve(Program)
    .services.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});
