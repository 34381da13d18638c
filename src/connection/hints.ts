/**
 * What most often lies behind an error of a connection, in words for whoever has to mend it. Errors of TLS, of logins
 * and of wrong ports name what they met, seldom what to change.
 */
const HINTS: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [/unsupported startup parameter/i, 'a connection pooler is between: connect to PostgreSQL itself'],
  [/server does not support SSL/i, 'the server speaks no TLS on this port, or it is another server'],
  [/wrong version number|packet length too long|unknown protocol/i, 'TLS is spoken to a port that does not speak it'],
  [/before secure TLS connection was established/i, 'does the server speak TLS on this port?'],
  [
    /self[- ]signed certificate|unable to (get|verify)|UNABLE_TO_|SELF_SIGNED/i,
    'the CA file is not of the authority that vouches for the server',
  ],
  [
    /altname|ERR_TLS_CERT_ALTNAME_INVALID/i,
    'the certificate is for another name: give it as ..._SERVER_NAME if it is right',
  ],
  [/certificate has expired|CERT_HAS_EXPIRED/i, 'the certificate of the server has expired'],
  [
    /certificate is not yet valid|CERT_NOT_YET_VALID/i,
    'the certificate of the server is not valid yet: is a clock wrong?',
  ],
  [
    /alert (certificate|handshake|bad certificate|unknown ca)|certificate required|bad certificate/i,
    'the server wants a client certificate, or does not trust the one it was shown',
  ],
  [/key values mismatch/i, 'key and certificate do not belong together'],
  [/pg_hba\.conf/i, 'the server takes no such login from here: TLS, user, database or address'],
  [/mechanism is not supported|requested SASL mechanism/i, 'the brokers offer other ways to log in'],
  [/not valid given the current SASL state/i, 'the brokers want a login: KAFKA_SASL_MECHANISM'],
  [
    /SASL .* authentication failed|WRONGPASS|NOAUTH|password authentication failed/i,
    'user name or password is not accepted',
  ],
  [/NOPERM/i, 'the user has not the rights for it'],
  [/broker not connected|Connection timeout/i, 'does the broker speak TLS, and with which port? KAFKA_SSL'],
  [/^Closed connection$/i, 'does the broker want TLS (KAFKA_SSL) or a login (KAFKA_SASL_MECHANISM) on this port?'],
];

/** Undefined where the error says it all. */
export function hintFor(text: string): string | undefined {
  return HINTS.find(([pattern]) => pattern.test(text))?.[1];
}
