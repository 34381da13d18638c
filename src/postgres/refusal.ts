/**
 * Tells a refusal, which no waiting mends, from an outage: START_CHECK_FAILED with one line that says what to do, or
 * null where the same may be tried again. For first connections and operators' commands; a worker that has been running
 * waits out even a wrong password, because somebody may be changing it.
 */
import { AppError } from '../errors.ts';

const TABLES_MISSING = 'the tables are missing or older than this build: run els migrate up';
const WHAT_TO_DO: Readonly<Record<string, string>> = {
  '28P01': 'the database refused user or password: check DATABASE_URL',
  '28000': 'the database does not let this user in (role, pg_hba.conf or TLS): check DATABASE_URL',
  '3D000': 'the database does not exist: create it or check DATABASE_URL',
  '42501': 'a right in the database is missing: grant it to the user of DATABASE_URL',
  '42P01': TABLES_MISSING,
  '42703': TABLES_MISSING,
  '3F000': TABLES_MISSING,
  '08P01': 'the server does not take the settings of a session: a pooler must be told to pass them on',
};
/** What PostgreSQL answers to a start-up packet that it will never take: unknown settings, unsupported features. */
const START_UP_REFUSED: ReadonlySet<string> = new Set(['42704', '22023', '0A000']);
/** A certificate that is not yet valid may become so; none of these does. */
const CERTIFICATE_REFUSED: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_REVOKED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
/** Of the driver, which has no codes for them: what the server offers and what the address asks for do not meet. */
const DRIVER_REFUSED = /does not support SSL connections|^SASL: |^SCRAM|password must be a string/;
const CAUSES_MAX = 8;

export function refusalOf(error: unknown): AppError | null {
  let cause = error;
  for (let depth = 0; cause instanceof Error && depth < CAUSES_MAX; depth += 1, cause = cause.cause) {
    const line = reasonOf(cause);
    if (line !== null) return new AppError('START_CHECK_FAILED', `${line}: ${cause.message}`);
  }
  return null;
}

/** Does the work and throws a refusal as what it is. */
export async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw refusalOf(error) ?? error;
  }
}

function reasonOf(error: Error): string | null {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = WHAT_TO_DO[code];
  if (known !== undefined) return known;
  if (START_UP_REFUSED.has(code)) return 'the database does not take what DATABASE_URL asks for';
  if (CERTIFICATE_REFUSED.has(code)) return "the database's certificate is not accepted";
  if (DRIVER_REFUSED.test(error.message)) return 'the database and DATABASE_URL do not agree on TLS or password';
  return null;
}
