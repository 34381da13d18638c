import { ChildProgram } from './support/child-program.ts';

jest.setTimeout(60_000);

const start = (behaviour: string) => new ChildProgram('test/support/worker/lifecycle-program.ts', [behaviour]);

/** What the services saw, in order, as the last to stop tells it. */
const orderOf = (program: ChildProgram) => program.logged('first stopped')?.['order'] as string[];

describe('a signal', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s stops the services in reverse, not ready first, and exits 0',
    async (signal) => {
      const program = start('ordinary');
      await program.printed('running');
      program.kill(signal);
      expect(await program.exited()).toBe(0);
      expect(orderOf(program)).toEqual([
        'first started while starting',
        'second started while starting',
        'second stopped while stopping',
        'first stopped while stopping',
      ]);
    },
  );

  test('while starting stops what was started, once it is', async () => {
    const program = start('start-slowly');
    await program.printed('second starting');
    program.kill('SIGTERM');
    expect(await program.exited()).toBe(0);
    expect(program.messages()).not.toContain('running');
    expect(orderOf(program).slice(-3)).toEqual([
      'second started while stopping',
      'second stopped while stopping',
      'first stopped while stopping',
    ]);
  });

  test('ends a start that waits for something, which is no failure', async () => {
    const program = start('start-waiting');
    await program.printed('second starting');
    program.kill('SIGTERM');
    expect(await program.exited()).toBe(0);
    expect(program.messages()).not.toContain('start failed');
    expect(orderOf(program).at(-1)).toBe('first stopped while stopping');
  });

  test('given twice exits 1 at once and names the service that hangs', async () => {
    const program = start('hang');
    await program.printed('running');
    program.kill('SIGTERM');
    await program.printed('second hangs');
    program.kill('SIGTERM');
    expect(await program.exited()).toBe(1);
    expect(program.logged('stop cut short by a second signal')).toMatchObject({ level: 'fatal', service: 'second' });
  });
});

describe('a stop', () => {
  test('that outlasts the grace exits 1 and names the service that hangs', async () => {
    const program = start('hang-until-deadline');
    await program.printed('running');
    program.kill('SIGTERM');
    expect(await program.exited()).toBe(1);
    expect(program.logged('service did not stop in time')).toMatchObject({ level: 'fatal', service: 'second' });
    expect(program.messages()).not.toContain('first stopped');
  });

  test('that fails in one service goes on to the others and exits 1', async () => {
    const program = start('fail-stop');
    await program.printed('running');
    program.kill('SIGTERM');
    expect(await program.exited()).toBe(1);
    expect(program.logged('stop failed')).toMatchObject({ service: 'second' });
    expect(orderOf(program).at(-1)).toBe('first stopped while stopping');
  });
});

describe('a start', () => {
  test.each([
    ['refuse-start', 78],
    ['fail-start', 1],
  ])('%p stops what was started and exits %d', async (behaviour, code) => {
    const program = start(behaviour);
    expect(await program.exited()).toBe(code);
    expect(program.logged('start failed')).toMatchObject({ service: 'second' });
    expect(orderOf(program)).toEqual([
      'first started while starting',
      'second stopped while stopping',
      'first stopped while stopping',
    ]);
  });
});

describe('what nobody handled', () => {
  test.each(['fatal', 'unhandled-rejection', 'uncaught-exception'])(
    '%p is logged, stops in order and exits 1',
    async (behaviour) => {
      const program = start(behaviour);
      expect(await program.exited()).toBe(1);
      expect(orderOf(program).slice(-2)).toEqual(['second stopped while stopping', 'first stopped while stopping']);
      expect(program.logged('fatal')).toMatchObject({ level: 'fatal', err: expect.anything() });
    },
  );
});
