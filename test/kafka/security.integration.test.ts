/** A real broker that wants certificates and logins: what is right gets in, what is not is refused with a hint. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { describeError } from '../../src/errors.ts';
import { createKafka, type KafkaSecurity } from '../../src/kafka/client.ts';
import { issuedToken } from '../../src/kafka/login.ts';
import { Authority, type Certificate, pemStore } from '../support/servers/certificates.ts';
import { silentLog } from '../support/servers/open-database.ts';
import { OwnServers } from '../support/servers/own-servers.ts';

jest.setTimeout(60_000);

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));
const testWithIpv6 = hasIpv6 ? test : test.skip;

let servers: OwnServers;
let authority: Authority;
let client: Certificate;
let ports: ReadonlyMap<string, number>;

beforeAll(async () => {
  servers = await OwnServers.open();
  authority = new Authority(servers.folder, 'authority');
  client = authority.issue('client', 'DNS:client');
  const store = (name: string, names: string, options = {}) =>
    servers.file(`${name}.pem`, pemStore(authority.issue(name, names, options)));
  const [right, other, expired] = await Promise.all([
    store('right', 'IP:127.0.0.1'),
    store('other', 'DNS:other.test'),
    store('expired', 'IP:127.0.0.1', { expired: true }),
  ]);
  const tls = (listener: string, keystore: string, auth = 'none') =>
    [
      'ssl.keystore.type=PEM',
      `ssl.keystore.location=${keystore}`,
      'ssl.truststore.type=PEM',
      `ssl.truststore.location=${authority.caFile}`,
      `ssl.client.auth=${auth}`,
    ].map((line) => `listener.name.${listener}.${line}`);
  const module = 'org.apache.kafka.common.security';
  ports = await servers.kafka(
    [
      `listeners={own},MUTUAL://127.0.0.1:{a},LOGIN://127.0.0.1:{b},OTHER://127.0.0.1:{c},EXPIRED://127.0.0.1:{d}${hasIpv6 ? ',SIX://[::1]:{e}' : ''}`,
      'listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,MUTUAL:SSL,LOGIN:SASL_SSL,OTHER:SSL,EXPIRED:SSL,SIX:PLAINTEXT',
      ...tls('mutual', right, 'required'),
      ...tls('login', right),
      ...tls('other', other),
      ...tls('expired', expired),
      'listener.name.login.sasl.enabled.mechanisms=PLAIN,OAUTHBEARER,SCRAM-SHA-512',
      `listener.name.login.plain.sasl.jaas.config=${module}.plain.PlainLoginModule required user_els="secret";`,
      `listener.name.login.oauthbearer.sasl.jaas.config=${module}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
      `listener.name.login.scram-sha-512.sasl.jaas.config=${module}.scram.ScramLoginModule required;`,
      '',
    ].join('\n'),
    ['SCRAM-SHA-512=[name=els,password=secret]'],
  );
}, 180_000);

afterAll(() => servers.close());

/** Topics that a client may see, or why it sees none. */
async function look(listener: string, security: KafkaSecurity, host = '127.0.0.1'): Promise<string> {
  const options = { brokers: [`${host}:${ports.get(listener)}`], clientId: 'test', log: silentLog, reconnectMsMax: 0 };
  const admin = createKafka({ ...options, connectionTimeoutMs: 2000, requestTimeoutMs: 3000, security }).admin();
  try {
    await admin.connect();
    await admin.listTopics();
    return 'in';
  } catch (error) {
    return describeError(error);
  } finally {
    await admin.disconnect();
  }
}

const trusting = () => ({ caFile: authority.caFile });
const plain = (password: string) => ({ mechanism: 'plain', username: 'els', password: () => password }) as const;

/** As brokers without a key take it. */
function token(subject = 'els'): string {
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ sub: subject, iat: now - 1, exp: now + 3600 })}.`;
}

describe('certificates', () => {
  test('authority and client certificate; files that are replaced are in use from the next connection on', async () => {
    const paths = { certFile: join(servers.folder, 'used.crt'), keyFile: join(servers.folder, 'used.key') };
    const use = ({ certFile, keyFile }: Certificate) => {
      writeFileSync(paths.certFile, readFileSync(certFile));
      writeFileSync(paths.keyFile, readFileSync(keyFile));
    };
    use(new Authority(servers.folder, 'stranger').issue('client', 'DNS:client'));
    const security = { tls: { ...trusting(), ...paths } };
    const options = { brokers: [`127.0.0.1:${ports.get('a')}`], clientId: 'test', log: silentLog, reconnectMsMax: 0 };
    const kafka = createKafka({ ...options, security });
    const admin = kafka.admin();
    await expect(admin.connect()).rejects.toThrow();
    use(client);
    await admin.connect();
    expect(await admin.listTopics()).toEqual([]);
    await admin.disconnect();
  });

  test('the name to expect may be given', async () => {
    expect(await look('c', { tls: { ...trusting(), serverName: 'other.test' } })).toBe('in');
  });

  test.each<[string, string, () => KafkaSecurity, string]>([
    ['an authority that is not ours', 'b', () => ({ tls: {} }), 'the CA file is not of the authority'],
    ['another name', 'c', () => ({ tls: trusting() }), 'the certificate is for another name'],
    ['an expired certificate', 'd', () => ({ tls: trusting() }), 'the certificate of the server has expired'],
    ['no client certificate', 'a', () => ({ tls: trusting() }), 'the server wants a client certificate'],
    ['no TLS', 'b', () => ({}), 'KAFKA_SSL'],
    ['no login', 'b', () => ({ tls: trusting() }), 'KAFKA_SASL_MECHANISM'],
    ['another password', 'b', () => ({ tls: trusting(), login: plain('wrong') }), 'user name or password'],
    [
      'another mechanism',
      'b',
      () => ({ tls: trusting(), login: { ...plain('secret'), mechanism: 'scram-sha-256' } }),
      'other ways to log in',
    ],
  ])('%s is refused with a hint', async (_, listener, security, hint) => {
    expect(await look(listener, security())).toContain(hint);
  });
});

describe('logins', () => {
  test.each(['plain', 'scram-sha-512'] as const)(
    'a password by %s, read again for each connection',
    async (mechanism) => {
      let password = 'wrong';
      const security = { tls: trusting(), login: { mechanism, username: 'els', password: () => password } as const };
      expect(await look('b', security)).toContain('user name or password');
      password = 'secret';
      expect(await look('b', security)).toBe('in');
    },
  );

  test('a token', async () => {
    const login = { mechanism: 'oauthbearer', token: async () => token() } as const;
    expect(await look('b', { tls: trusting(), login })).toBe('in');
    const wrong = { mechanism: 'oauthbearer', token: async () => 'nonsense' } as const;
    expect(await look('b', { tls: trusting(), login: wrong })).not.toBe('in');
  });
});

testWithIpv6('a broker with an IPv6 address', async () => {
  expect(await look('e', {}, '[::1]')).toBe('in');
});

describe('tokens for client credentials', () => {
  let issuer: Server;
  let answer: { status: number; body: string };
  const asked: string[] = [];

  beforeAll(async () => {
    issuer = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        asked.push(`${request.headers.authorization} ${body}`);
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
      });
    });
    await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
  });

  beforeEach(() => asked.splice(0));
  afterAll(() => issuer.close());

  const newToken = () => {
    const { port } = issuer.address() as AddressInfo;
    return issuedToken({
      url: `http://127.0.0.1:${port}/`,
      clientId: 'els',
      clientSecret: () => 'a:b',
      scope: 'kafka',
    });
  };

  test('one token serves all connections until most of its life is over', async () => {
    answer = { status: 200, body: JSON.stringify({ access_token: token(), expires_in: 3600 }) };
    const login = { mechanism: 'oauthbearer', token: newToken() } as const;
    expect(await look('b', { tls: trusting(), login })).toBe('in');
    expect(await look('b', { tls: trusting(), login })).toBe('in');
    const basic = Buffer.from('els:a%3Ab').toString('base64');
    expect(asked).toEqual([`Basic ${basic} grant_type=client_credentials&scope=kafka`]);
  });

  test('a token that lives no time is asked for each time', async () => {
    answer = { status: 200, body: JSON.stringify({ access_token: 'short' }) };
    const next = newToken();
    expect([await next(), await next()]).toEqual(['short', 'short']);
    expect(asked).toHaveLength(2);
  });

  test.each([
    [401, '{"error":"invalid_client"}'],
    [200, '{}'],
    [200, 'nonsense'],
  ])('status %d with %s is a refusal that may pass, and quotes nothing', async (status, body) => {
    answer = { status, body };
    await expect(newToken()()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: `the issuer of tokens refused with status ${status}`,
    });
  });
});
