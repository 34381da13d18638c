import { spawnSync } from 'node:child_process';
import { projectRoot } from '../../../distributed/stack/process/project-root.ts';

/** Nothing here may start a server: wrong usage is found before. */
function run(...args: string[]) {
  const program = ['--import', 'tsx', 'distributed/bin/run.ts', ...args];
  const env = { ...process.env, DATABASE_URL: '', REDIS_URL: '', KAFKA_BROKERS: '' };
  const { status, stdout, stderr } = spawnSync(process.execPath, program, {
    cwd: projectRoot(),
    env,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

test('--help names the options and every exit code', () => {
  const { status, stdout } = run('--help');
  expect(status).toBe(0);
  for (const option of ['--scenario', '--instances', '--seed', '--stack', '--tier', '--repeat', '--mutant', '--list']) {
    expect(stdout).toContain(option);
  }
  expect(stdout).toMatch(/0 valid.*1 an invariant.*2 wrong usage.*3 the environment.*4 not enough.*99.*130/s);
}, 30_000);

test('--list says what each scenario is about', () => {
  const { status, stdout } = run('--list');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^race_conditions {2}.+\n {17}.+/m);
  expect(stdout).toMatch(/^docker_compose .+\n.+Needs Docker; not in all\.$/m);
  expect(stdout).toMatch(
    /^infrastructure {2,}kraft_quorum, broker_failover, redis_failover, connection_pool, partition$/m,
  );
}, 30_000);

test.each([
  [['--scenario', 'nonsense'], 'There is no scenario nonsense'],
  [[], '--scenario is needed'],
  [['--scenario', 'completion', '--instances', '0'], 'whole numbers from 1'],
  [['--scenario', 'completion', '--mutant', 'nobody'], 'there is no mutant nobody'],
  [['--scenario', 'completion', '--stack', 'external'], 'DATABASE_URL, REDIS_URL, KAFKA_BROKERS'],
  [['--scenario', 'completion', '--seed', 'x'], 'whole number'],
  [['--frobnicate'], 'unknown option'],
  [['--scenario', 'docker_compose,completion'], 'docker_compose brings its own servers and runs alone'],
  [['--scenario', 'docker_compose', '--without', 'kafka'], 'Only grafana, kafka-exporter'],
  [['--scenario', 'docker_compose', '--mutant', 'unique-index-dropped'], 'has no mutants'],
  [['check', '/nowhere/at/all'], 'is not a run directory'],
])(
  'wrong usage %j ends with code 2 and says why',
  (args, message) => {
    const { status, stderr } = run(...args);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  },
  30_000,
);
