import { AppError } from '../../../src/errors.ts';
import { type StartCheck, StartChecks } from '../../../src/worker/upkeep/start-checks.ts';
import { silentLog } from '../../support/worker/intake-bench.ts';

const silent = () => Promise.reject(new AppError('UNAVAILABLE', 'nobody there'));
const checksOf = (checks: StartChecks['deps']['checks'], waitMsMax = 60_000) =>
  new StartChecks({ checks, waitMsMax, log: silentLog });

describe('the checks of a start', () => {
  test('pass when nothing is wrong', async () => {
    await checksOf([async () => [], async () => []]).start();
  });

  test('refuse with all problems of all checks at once', async () => {
    const started = checksOf([async () => ['no table'], async () => ['no topic', 'no partition']]).start();
    await expect(started).rejects.toMatchObject({
      code: 'START_CHECK_FAILED',
      message: 'no table; no topic; no partition',
    });
  });

  test('wait for a server that does not answer yet', async () => {
    let looks = 0;
    await checksOf([() => (looks++ === 0 ? silent() : Promise.resolve([]))]).start();
    expect(looks).toBe(2);
  });

  test('give up when it does not come in time', async () => {
    await expect(checksOf([silent], 0).start()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('do not wait out what no waiting mends', async () => {
    const bug = () => Promise.reject(new AppError('STORE_FAILED', 'syntax error'));
    await expect(checksOf([bug]).start()).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });

  test('refuse at once what is refused, whatever another server does', async () => {
    const hangs = () => new Promise<never>(() => undefined);
    const refused = () => Promise.reject(new AppError('START_CHECK_FAILED', 'wrong password'));
    for (const other of [silent, hangs]) {
      await expect(checksOf([other, refused]).start()).rejects.toMatchObject({ message: 'wrong password' });
    }
  });

  test('log once what is only unwise, however often they look', async () => {
    const lines: unknown[] = [];
    const log = { warn: (fields: unknown) => lines.push(fields) } as unknown as StartChecks['deps']['log'];
    let looks = 0;
    const unwise: StartCheck = async (warn) => {
      warn('one replica');
      if (looks++ === 0) await silent();
      return [];
    };
    await new StartChecks({ checks: [unwise], waitMsMax: 60_000, log }).start();
    expect(lines.filter((line) => 'check' in (line as object))).toEqual([{ check: 'one replica' }]);
  });

  test('end at once when they are stopped while a server says nothing', async () => {
    const checks = checksOf([() => new Promise<never>(() => undefined)]);
    const started = checks.start();
    await checks.stop();
    await expect(started).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('end their wait when they are stopped', async () => {
    const checks = checksOf([silent]);
    const started = checks.start();
    await checks.stop();
    await expect(started).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
