import { AppError } from '../../../src/errors.ts';
import { StartChecks } from '../../../src/worker/upkeep/start-checks.ts';
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

  test('end their wait when they are stopped', async () => {
    const checks = checksOf([silent]);
    const started = checks.start();
    await checks.stop();
    await expect(started).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
