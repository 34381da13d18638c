/** What the settings of a gateway's access must agree on. */
import type { SettingName } from './config-schema.ts';

const KEYS: readonly SettingName[] = ['GATEWAY_JWT_SECRET', 'GATEWAY_JWT_PUBLIC_KEY_FILE', 'GATEWAY_JWT_JWKS_URL'];
const OF_TOKENS: readonly SettingName[] = [
  ...KEYS,
  'GATEWAY_JWT_ISSUER',
  'GATEWAY_JWT_AUDIENCE',
  'GATEWAY_SIGNING_SECRET',
];

export function gatewayMistakes(values: ReadonlyMap<SettingName, unknown>): string[] {
  const auth = values.get('GATEWAY_AUTH');
  const isGiven = (name: SettingName) => (values.get(name) ?? null) !== null;
  // Somebody who set a key believes that it is asked for.
  if (auth === 'none') {
    const idle = OF_TOKENS.filter(isGiven);
    return idle.length === 0 ? [] : [`${idle.join(', ')} need GATEWAY_AUTH=jwt`];
  }
  // What is malformed has been told already.
  if (auth !== 'jwt' || !OF_TOKENS.every((name) => values.has(name))) return [];
  const mistakes: string[] = [];
  if (KEYS.filter(isGiven).length !== 1) mistakes.push(`GATEWAY_AUTH=jwt needs one of ${KEYS.join(', ')}`);
  if (!isGiven('GATEWAY_SIGNING_SECRET')) mistakes.push('GATEWAY_AUTH=jwt needs GATEWAY_SIGNING_SECRET');
  else if (values.get('GATEWAY_SIGNING_SECRET') === values.get('GATEWAY_JWT_SECRET')) {
    mistakes.push('GATEWAY_SIGNING_SECRET must be another than GATEWAY_JWT_SECRET: nobody else may sign what it signs');
  }
  return mistakes;
}
