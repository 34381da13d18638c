import pg from 'pg';
import { AppError, type ErrorCode } from '../../src/errors.ts';
import { meaningOf } from '../../src/postgres/sql-state.ts';

function failure(code: string, routine = ''): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError('x', 1, 'error'), { code, routine });
}

describe('what a failure of PostgreSQL means', () => {
  test.each<[ErrorCode, string]>([
    ['CONFLICT', '23505 23P01 40000 40001 40P01 55P03 72000'],
    [
      'UNAVAILABLE',
      '08000 08003 08006 08P01 25001 25006 25P01 25P02 25P03 25P04 26000 28000 28P01 3D000 40003 42P05 42P18',
    ],
    ['UNAVAILABLE', '53000 53200 53300 53400 55000 55006 57000 57P01 57P02 57P03 57P04 57P05 58000 58030 F0000 XX000'],
    ['STORE_TIMED_OUT', '57014'],
    ['STORE_FULL', '53100'],
    ['STORE_REFUSED', '22000 22001 22003 22007 22008 22021 22P02 22P03 22P05 22032 23502 54000'],
    ['STORE_FAILED', '22012 22023 2201W 2201X 2202E 23001 23503 23514 40002 54001 54011 54023 XX001 XX002'],
    [
      'STORE_FAILED',
      '0A000 21000 24000 2F000 34000 38000 39000 3F000 42501 42601 42703 42704 42804 42P01 44000 P0001 HV000 99999',
    ],
  ])('%s: %s', (code, states) => {
    for (const state of states.split(' ')) expect([state, meaningOf(failure(state)).code]).toEqual([state, code]);
  });

  test.each([
    ['0A000', 'RevalidateCachedQuery'],
    ['42704', 'lookup_type_cache'],
    ['XX000', 'getTypeOutputInfo'],
  ])('%s out of %s: the plan is of a schema that is gone, and another connection has none', (state, routine) => {
    expect(meaningOf(failure(state, routine)).code).toBe('UNAVAILABLE');
  });

  test('a statement that took too long may be tried again', () => {
    expect(new AppError('STORE_TIMED_OUT', '').retryable).toBe(true);
  });

  test('what is not from the server is a lost connection', () => {
    expect(meaningOf(new Error('read ECONNRESET'))).toEqual({ sqlState: 'connection', code: 'UNAVAILABLE' });
  });
});
