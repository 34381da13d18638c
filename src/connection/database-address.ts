/**
 * Where PostgreSQL is: one or several hosts, of which the writable one is meant. Limits, plans and whatever else a
 * session depends on are settings of the service, so the address may not carry them.
 */
import { type Address, AddressError, type AddressRules, type Host, parseAddress } from './address.ts';
import type { TlsFiles } from './tls-files.ts';

export const DATABASE_ADDRESS: AddressRules = {
  schemes: ['postgres', 'postgresql'],
  portDefault: 5432,
  parameters: ['host', 'application_name', 'target_session_attrs', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey'],
};

export interface DatabaseAddress {
  readonly hosts: readonly Host[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string;
  /** Undefined: plain text, unless files for TLS are given. */
  readonly tls: 'verify-full' | 'verify-ca' | 'disable' | undefined;
  readonly tlsFiles: TlsFiles;
  readonly applicationName: string | undefined;
}

export function parseDatabaseAddress(text: string): DatabaseAddress {
  const address = parseAddress(text, DATABASE_ADDRESS);
  const of = (name: string) => address.parameters.get(name) || undefined;
  const sessions = of('target_session_attrs');
  if (sessions !== undefined && sessions !== 'read-write' && sessions !== 'primary') {
    throw new AddressError('must not have target_session_attrs other than read-write or primary: only that can work');
  }
  const [caFile, certFile, keyFile] = [of('sslrootcert'), of('sslcert'), of('sslkey')];
  return {
    hosts: hostsOf(address),
    user: address.user,
    password: address.password,
    database: address.path,
    tls: tlsOf(of('sslmode')),
    tlsFiles: { caFile, certFile, keyFile },
    applicationName: of('application_name'),
  };
}

/** A socket's folder is given as `%2Frun%2Fpostgresql` or, as libpq has it, as parameter. */
function hostsOf({ hosts, parameters }: Address): readonly Host[] {
  const socket = parameters.get('host');
  if (socket === undefined) {
    if (hosts.length === 0) throw new AddressError('must name a host');
    return hosts;
  }
  if (hosts.length > 0 || !socket.startsWith('/')) {
    throw new AddressError('may have the parameter host only for the folder of a socket, and then no other host');
  }
  return [{ host: socket, port: DATABASE_ADDRESS.portDefault }];
}

/** What TLS does here is to verify. Modes that go on without it when it is not there would not be noticed. */
function tlsOf(mode: string | undefined): DatabaseAddress['tls'] {
  if (mode === undefined || mode === 'disable') return mode;
  if (mode === 'require' || mode === 'verify-full') return 'verify-full';
  if (mode === 'verify-ca') return 'verify-ca';
  throw new AddressError('must not have an sslmode other than disable, require, verify-ca, verify-full');
}
