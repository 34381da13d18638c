/** Where Redis is: one server, or several hosts that are its sentinels or the nodes of its cluster. */
import { AddressError, type AddressRules, type Host, parseAddress } from './address.ts';

export const REDIS_ADDRESS: AddressRules = { schemes: ['redis', 'rediss'], portDefault: 6379, parameters: [] };

export interface RedisAddress {
  readonly hosts: readonly Host[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly tls: boolean;
}

export function parseRedisAddress(text: string): RedisAddress {
  const { scheme, user, password, hosts, path } = parseAddress(text, REDIS_ADDRESS);
  if (hosts.length === 0) throw new AddressError('must name a host');
  if (user !== undefined && password === undefined) {
    throw new AddressError('has a user name and no password; a password alone is written :password@');
  }
  if (!/^\d{0,5}$/.test(path)) throw new AddressError('must end with the number of a database, or with none');
  return { hosts, user, password, database: Number(path), tls: scheme === 'rediss' };
}
