/**
 * Addresses as URLs: `scheme://user:password@host:port,host:port/path?name=value`. What may be there is listed, all
 * else is refused by name, so an address never says more than its reader knows. No message quotes the address, and what
 * is shown of one holds no password, however wrongly it is written.
 */
export interface Host {
  readonly host: string;
  readonly port: number;
}

export interface Address {
  readonly scheme: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly hosts: readonly Host[];
  /** Without its slash; empty if there is none. */
  readonly path: string;
  readonly parameters: ReadonlyMap<string, string>;
}

export interface AddressRules {
  readonly schemes: readonly string[];
  readonly portDefault: number;
  /** Parameters that are understood. */
  readonly parameters: readonly string[];
}

/** The message continues a sentence that begins with the name of the setting. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
}

const URL_CHARACTERS = /^[\w\-.~!$&'()*+,;=:@/?%[\]]*$/;
const BAD_ESCAPE = /%(?![0-9a-f]{2})/i;
const PARTS = /^(?:([^@/?]*)@)?([^@/?]*)(?:\/([^@?]*))?(?:\?([^@]*))?$/;
const HOST = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+|%2F[\w.%-]+))(?::(\d{1,5}))?$/i;
const UNENCODED = 'must have user name and password percent-encoded: %40 for @, %2F for /, %23 for #, %25 for %';

export function parseAddress(text: string, rules: AddressRules): Address {
  const [scheme, rest] = splitScheme(text, rules.schemes);
  const [, login, hosts = '', path = '', query = ''] = PARTS.exec(checkedRest(rest)) ?? [];
  const colon = login?.indexOf(':') ?? -1;
  return {
    scheme,
    user: login === undefined ? undefined : decoded(colon < 0 ? login : login.slice(0, colon)) || undefined,
    password: login === undefined || colon < 0 ? undefined : decoded(login.slice(colon + 1)),
    hosts: hosts === '' ? [] : hosts.split(',').map((host) => parseHost(host, rules.portDefault)),
    path: decoded(path),
    parameters: parseParameters(query, rules.parameters),
  };
}

/** `host:port,host:port`; of an IPv6 address the host stands in brackets. */
export function parseHosts(text: string): Host[] {
  return text.split(',').map((each) => parseHost(each, undefined));
}

/** What may be printed of an address; nothing between its scheme and its hosts unless the whole is understood. */
export function maskAddress(text: string, rules: AddressRules): string {
  try {
    const [scheme, rest] = splitScheme(text, rules.schemes);
    const [, login, place = '', query] = /^(?:([^@]*)@)?([^?]*)(?:\?(.*))?$/.exec(checkedRest(rest)) ?? [];
    // What stands alone, or before an empty password, may be a token.
    const user = login === undefined ? '' : (/^([^:]*:)./s.exec(login)?.[1] ?? '');
    const shown = query === undefined ? '' : `?${query.split('&').map(maskParameter(rules)).join('&')}`;
    return `${scheme}://${login === undefined ? '' : `${user}***@`}${place}${shown}`;
  } catch {
    return '***';
  }
}

function maskParameter({ parameters }: AddressRules): (text: string) => string {
  return (text) => {
    const [name = ''] = text.split('=', 1);
    return parameters.includes(name) ? text : `${shownName(text)}=***`;
  };
}

/** Of a parameter that is not known; what is not written as one may be part of a password. */
function shownName(text: string): string {
  return /^([A-Za-z_]{1,40})=/.exec(text)?.[1] ?? '***';
}

function splitScheme(text: string, schemes: readonly string[]): [string, string] {
  const found = schemes.find((name) => text.toLowerCase().startsWith(`${name}://`));
  if (found !== undefined) return [found, text.slice(found.length + 3)];
  throw new AddressError(`must be a URL that begins with ${schemes.map((name) => `${name}://`).join(' or ')}`);
}

/** What is behind the scheme, if it can be taken apart without doubt: a `@` can only end the login, for example. */
function checkedRest(rest: string): string {
  if (URL_CHARACTERS.test(rest) && !BAD_ESCAPE.test(rest) && PARTS.test(rest)) return rest;
  throw new AddressError(UNENCODED);
}

function parseHost(text: string, portDefault: number | undefined): Host {
  const found = HOST.exec(text);
  const port = found?.[3] === undefined ? portDefault : Number(found[3]);
  if (found === null || port === undefined || port < 1 || port > 65_535) {
    throw new AddressError('must be host:port, or several of them separated by commas; an IPv6 address in brackets');
  }
  return { host: found[1] ?? decoded(found[2] ?? ''), port };
}

function parseParameters(query: string, known: readonly string[]): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const each of query === '' ? [] : query.split('&')) {
    const [name = '', value = ''] = each.split(/=(.*)/s, 2).map(decoded);
    if (!known.includes(name)) {
      const list = known.length === 0 ? 'it takes none' : `it takes ${known.join(', ')}`;
      throw new AddressError(`must not have the parameter ${shownName(each)}: ${list}`);
    }
    if (parameters.has(name)) throw new AddressError(`has the parameter ${name} twice`);
    parameters.set(name, value);
  }
  return parameters;
}

function decoded(text: string): string {
  try {
    const plain = decodeURIComponent(text);
    if (!plain.includes('\0')) return plain;
  } catch {
    // Escapes that are no UTF-8.
  }
  throw new AddressError(UNENCODED);
}
