/**
 * What a failure of PostgreSQL means for whoever asked: try again (CONFLICT, UNAVAILABLE, STORE_TIMED_OUT, STORE_FULL),
 * give this data up (STORE_REFUSED), or neither (STORE_FAILED). Only what is certainly in the data is refused: everything else
 * must not cost an essay. What is unavailable is tried again on another connection, never on the same one.
 */
import pg from 'pg';
import type { ErrorCode } from '../errors.ts';

/** Exceptions from the classes below. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  // Statements made for a schema, or a session, that is not there any more. A new session makes them anew.
  '26000': 'UNAVAILABLE', // prepared statement does not exist
  '42P05': 'UNAVAILABLE', // prepared statement exists already
  '42P18': 'UNAVAILABLE', // type of a parameter cannot be determined
  '23505': 'CONFLICT',
  '23P01': 'CONFLICT',
  // Rules of our own counters, states and references, which no value of an input can break.
  '23001': 'STORE_FAILED',
  '23503': 'STORE_FAILED',
  '23514': 'STORE_FAILED',
  // Wrong in the statement, not in its values.
  '22012': 'STORE_FAILED', // division by zero
  '22023': 'STORE_FAILED', // invalid parameter value
  '2201W': 'STORE_FAILED', // row count in LIMIT
  '2201X': 'STORE_FAILED', // row count in OFFSET
  '2202E': 'STORE_FAILED', // array subscript
  '54001': 'STORE_FAILED', // statement too complex
  '54011': 'STORE_FAILED', // too many columns
  '54023': 'STORE_FAILED', // too many arguments
  '40002': 'STORE_FAILED', // constraint of the transaction
  '40003': 'UNAVAILABLE', // unknown whether it was done
  '53100': 'STORE_FULL',
  '55P03': 'CONFLICT',
  '57014': 'STORE_TIMED_OUT',
  XX001: 'STORE_FAILED', // data corrupted
  XX002: 'STORE_FAILED', // index corrupted
};

const CLASSES: Readonly<Record<string, ErrorCode>> = {
  '08': 'UNAVAILABLE', // connection
  '22': 'STORE_REFUSED', // data
  '23': 'STORE_REFUSED', // integrity
  '25': 'UNAVAILABLE', // state of the transaction: read-only server, failed or timed-out transaction
  '28': 'UNAVAILABLE', // login
  '3D': 'UNAVAILABLE', // no such database
  '40': 'CONFLICT', // rolled back
  '53': 'UNAVAILABLE', // resources
  '54': 'STORE_REFUSED', // limits of the program
  '55': 'UNAVAILABLE', // state of the server
  '57': 'UNAVAILABLE', // shut down, cancelled
  '58': 'UNAVAILABLE', // operating system
  '72': 'CONFLICT', // snapshot too old
  F0: 'UNAVAILABLE', // configuration
  XX: 'UNAVAILABLE', // internal: mostly something that was dropped meanwhile
};

/** Functions of the server that find a cached plan, type or relation gone: their SQLSTATE has other meanings too. */
const STALE_PLAN =
  /^(RevalidateCachedQuery|lookup_type_cache|getTypeOutputInfo|getTypeInputInfo|getTypeBinaryInputInfo)$/;

/** SQLSTATE and meaning. Anything outside PostgreSQL's own errors is a lost connection. */
export function meaningOf(error: unknown): { readonly sqlState: string; readonly code: ErrorCode } {
  if (!(error instanceof pg.DatabaseError)) return { sqlState: 'connection', code: 'UNAVAILABLE' };
  return { sqlState: error.code ?? 'unknown', code: codeOf(error) };
}

function codeOf({ code = '', routine = '' }: pg.DatabaseError): ErrorCode {
  if (STALE_PLAN.test(routine)) return 'UNAVAILABLE';
  return CODES[code] ?? CLASSES[code.slice(0, 2)] ?? 'STORE_FAILED';
}
