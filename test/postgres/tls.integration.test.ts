/** A real PostgreSQL that wants TLS, a certificate and a password: verified, and read again when files change. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rereading } from '../../src/config/config.ts';
import { describeError } from '../../src/errors.ts';
import type { DatabaseTarget } from '../../src/postgres/connector.ts';
import { Authority, type Certificate } from '../support/servers/certificates.ts';
import { openDatabase } from '../support/servers/open-database.ts';
import { OwnServers, type PostgresServer } from '../support/servers/own-servers.ts';

jest.setTimeout(60_000);

let servers: OwnServers;
let authority: Authority;
let client: Certificate;
const found = new Map<string, PostgresServer>();

beforeAll(async () => {
  servers = await OwnServers.open();
  authority = new Authority(servers.folder, 'authority');
  // The certificate's name is the user's.
  client = authority.issue('postgres', 'DNS:client');
  const start = async (name: string, names: string, hba: string, options = {}) => {
    const { certFile, keyFile } = authority.issue(name, names, options);
    const [cert, key] = [await servers.copy(certFile), await servers.copy(keyFile)];
    const ca = await servers.copy(authority.caFile);
    const settings = ['ssl=on', `ssl_cert_file=${cert}`, `ssl_key_file=${key}`, `ssl_ca_file=${ca}`];
    found.set(name, await servers.postgres({ settings, hba }));
  };
  await start('certificate', 'DNS:db.test', 'hostssl all all 127.0.0.1/32 cert\n');
  await start('expired', 'IP:127.0.0.1', 'hostssl all all 127.0.0.1/32 trust\n', { expired: true });
  await start(
    'password',
    'IP:127.0.0.1',
    'hostssl all els 127.0.0.1/32 scram-sha-256\nhost all postgres 127.0.0.1/32 trust\n',
  );
});

afterAll(() => servers.close());

const addressOf = (name: string, rest = '', login = 'postgres') =>
  `postgres://${login}@127.0.0.1:${found.get(name)?.port}/postgres${rest}`;

/** Whether the session is encrypted, or why there is none. */
async function look(target: DatabaseTarget): Promise<string> {
  const database = openDatabase('postgres://nobody@127.0.0.1:1/none', { url: target, connectTimeoutMs: 3000 });
  const query = { name: 'look', text: 'select ssl::text as ssl from pg_stat_ssl where pid = pg_backend_pid()' };
  try {
    const [row] = await database.run<{ ssl: string }>(query, []);
    return `ssl ${row?.ssl}`;
  } catch (error) {
    return describeError(error);
  } finally {
    await database.close();
  }
}

test('authority, client certificate and name by settings; a key that is replaced is in use from then on', async () => {
  const paths = { certFile: join(servers.folder, 'used.crt'), keyFile: join(servers.folder, 'used.key') };
  const use = ({ certFile, keyFile }: Certificate) => {
    copyFileSync(certFile, paths.certFile);
    copyFileSync(keyFile, paths.keyFile);
  };
  const tls = { caFile: authority.caFile, ...paths, serverName: 'db.test' };
  const target = { url: () => addressOf('certificate'), tls };
  use(new Authority(servers.folder, 'stranger').issue('postgres', 'DNS:client'));
  expect(await look(target)).toContain('unknown ca');
  use(client);
  expect(await look(target)).toBe('ssl true');
});

test('the same by the address', async () => {
  const files = `sslrootcert=${authority.caFile}&sslcert=${client.certFile}&sslkey=${client.keyFile}`;
  expect(await look(addressOf('certificate', `?sslmode=verify-ca&${files}`))).toBe('ssl true');
  expect(await look(addressOf('certificate', `?sslmode=verify-full&${files}`))).toContain(
    'the certificate is for another name',
  );
});

test.each<[string, () => DatabaseTarget, string]>([
  [
    'an authority that is not ours',
    () => addressOf('password', '?sslmode=require'),
    'the CA file is not of the authority',
  ],
  [
    'an expired certificate',
    () => ({ url: () => addressOf('expired'), tls: { caFile: authority.caFile } }),
    'the certificate of the server has expired',
  ],
  ['no TLS', () => addressOf('certificate'), 'the server takes no such login from here'],
  [
    'no client certificate',
    () => ({ url: () => addressOf('certificate'), tls: { caFile: authority.caFile, serverName: 'db.test' } }),
    'certificate',
  ],
])('%s is refused with a hint', async (_, target, hint) => {
  expect(await look(target())).toContain(hint);
});

test('a password that changes in its file is used for the next connection', async () => {
  const admin = openDatabase(addressOf('password'));
  const give = (password: string) =>
    admin.run({ name: `give-${password}`, text: `alter role els password '${password}'` }, []);
  await admin.run({ name: 'role', text: `create role els login password 'first'` }, []);
  const file = join(servers.folder, 'database-url');
  writeFileSync(file, `${addressOf('password', '', 'els:first')}\n`);
  const url = rereading('DATABASE_URL', addressOf('password', '', 'els:first'), { DATABASE_URL_FILE: file });
  const target = { url, tls: { caFile: authority.caFile } };
  expect(await look(target)).toBe('ssl true');
  await give('second');
  const refused = await look(target);
  expect(refused).toContain('user name or password is not accepted');
  expect(refused).not.toContain('first');
  writeFileSync(file, 'half writ');
  expect(await look(target)).toBe(refused);
  writeFileSync(file, `${addressOf('password', '', 'els:second')}\n`);
  expect(await look(target)).toBe('ssl true');
  await admin.close();
});
