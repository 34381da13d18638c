/**
 * From the environment to a frozen, checked Config, before anything is opened. The only reader of the process's
 * environment. All mistakes are reported at once, a line each; the text of a secret never appears in one.
 */
import { readFileSync } from 'node:fs';
import { AppError, describeError } from '../errors.ts';
import {
  type Config,
  type ConfigOf,
  configSchema,
  fieldName,
  SETTING_NAMES,
  type SettingName,
} from './config-schema.ts';
import { connectionMistakes } from './connection-rules.ts';
import { gatewayMistakes } from './gateway-rules.ts';
import { notes } from './setting-checks.ts';

/** Each must be shorter than the next: whoever waits longer learns the reason from whoever waited less. */
const TIME_LIMITS_RISING = [
  'LOCK_TIMEOUT_MS',
  'STATEMENT_TIMEOUT_MS',
  'QUERY_TIMEOUT_MS',
  'IDLE_IN_TRANSACTION_TIMEOUT_MS',
  'KAFKA_SESSION_TIMEOUT_MS',
  'KAFKA_REBALANCE_TIMEOUT_MS',
] as const satisfies readonly SettingName[];
const MUST_BE_LESS: readonly (readonly [SettingName, SettingName, string])[] = [
  ['STATEMENT_TIMEOUT_MS', 'SHUTDOWN_GRACE_MS', 'a stop is cut short while a statement runs'],
  ['KAFKA_REBALANCE_TIMEOUT_MS', 'SILENT_MS_MAX', 'an ordinary rebalance would end the process'],
];

export type Environment = Readonly<Record<string, string | undefined>>;

/** A program that needs everything. Throws CONFIG_INVALID. */
export function loadConfig(env: Environment = process.env): Config {
  return loadSettings(SETTING_NAMES, env) as Config;
}

/** For a program that needs only some settings: the others may be missing or wrong. Throws CONFIG_INVALID. */
export function loadSettings<Name extends SettingName>(
  names: readonly Name[],
  env: Environment = process.env,
): ConfigOf<Name> {
  const values = new Map<SettingName, unknown>();
  const mistakes: string[] = [];
  for (const name of names) {
    const found = find(name, env);
    if ('mistake' in found) {
      mistakes.push(found.mistake);
      continue;
    }
    const parsed = configSchema.shape[name].safeParse(found.text);
    const unreadable = parsed.success && notes.get(configSchema.shape[name])?.file && whyUnreadable(parsed.data);
    if (unreadable) {
      mistakes.push(`${name} cannot be read: ${unreadable}`);
    } else if (parsed.success) {
      values.set(name, parsed.data);
    } else {
      mistakes.push(describeMistake(name, found.text, parsed.error.issues[0]?.message ?? 'is invalid'));
    }
  }
  mistakes.push(...contradictions(values));
  if (mistakes.length > 0) {
    throw new AppError('CONFIG_INVALID', mistakes.join('\n'));
  }
  const fields = [...values].map(([name, value]) => [fieldName(name), value]);
  return Object.freeze(Object.fromEntries(fields)) as ConfigOf<Name>;
}

export interface SettingInUse {
  readonly name: SettingName;
  /** As given, passwords masked. */
  readonly value: string;
  readonly source: 'default' | 'environment' | 'file' | 'missing';
}

/** What a process started in this environment would use. Shows what can be shown, also of a wrong configuration. */
export function describeConfig(env: Environment = process.env): SettingInUse[] {
  return SETTING_NAMES.map((name) => {
    const found = find(name, env);
    if ('mistake' in found) {
      return { name, value: '', source: 'missing' };
    }
    if (found.text !== undefined) {
      return { name, value: mask(name, found.text), source: found.source };
    }
    const parsed = configSchema.shape[name].safeParse(undefined);
    return parsed.success
      ? { name, value: String(parsed.data ?? ''), source: 'default' }
      : { name, value: '', source: 'missing' };
  });
}

/** Whether somebody chose the value, rather than nobody. */
export function isSettingGiven(name: SettingName, env: Environment = process.env): boolean {
  const found = find(name, env);
  return !('mistake' in found) && found.text !== undefined;
}

/** Variables that look like a misspelt setting. They are not refused: the name may be somebody else's. */
export function configWarnings(env: Environment = process.env): string[] {
  const known = SETTING_NAMES.flatMap((name) => (isSecret(name) ? [name, `${name}_FILE`] : [name]));
  return Object.keys(env)
    .filter((name) => !known.includes(name))
    .flatMap((name) => {
      const meant = known.find((candidate) => editDistance(name, candidate) <= 2);
      if (meant !== undefined) {
        return [`${name} is not a setting; ${meant} is`];
      }
      return /^(BUFFERED|GROUPS?|HINTS?|INBOUND|OUTBOX|RECONCILE|SLOTS)_/.test(name)
        ? [`${name} is not a setting`]
        : [];
    });
}

/**
 * A secret as it is now: where it comes from a file, the file is read again, and what it last was stays in use while the
 * file is missing or wrong. Elsewhere it is what it was at the start.
 */
export function rereading(name: SettingName, atStart: string, env: Environment = process.env): () => string {
  const path = env[`${name}_FILE`];
  let last = atStart;
  return () => {
    const found = path === undefined || path === '' ? { mistake: '' } : find(name, env);
    if (!('mistake' in found) && configSchema.shape[name].safeParse(found.text).success) last = found.text ?? last;
    return last;
  };
}

function whyUnreadable(path: unknown): string | undefined {
  if (typeof path !== 'string') return undefined;
  try {
    readFileSync(path);
    return undefined;
  } catch (error) {
    return describeError(error);
  }
}

type Found =
  | { readonly text: string | undefined; readonly source: 'environment' | 'file' }
  | { readonly mistake: string };

/** An empty variable counts as absent, as it does in compose files. */
function find(name: SettingName, env: Environment): Found {
  const text = env[name] === '' ? undefined : env[name];
  const path = isSecret(name) ? env[`${name}_FILE`] : undefined;
  if (path === undefined || path === '') {
    return { text, source: 'environment' };
  }
  if (text !== undefined) {
    return { mistake: `${name} and ${name}_FILE are both set; set one` };
  }
  try {
    return { text: readFileSync(path, 'utf8').replace(/\r?\n$/, ''), source: 'file' };
  } catch (error) {
    return { mistake: `${name}_FILE cannot be read: ${describeError(error)}` };
  }
}

function isSecret(name: SettingName): boolean {
  return notes.get(configSchema.shape[name])?.secret !== undefined;
}

function describeMistake(name: SettingName, text: string | undefined, rule: string): string {
  if (text === undefined) {
    return `${name} is missing: ${notes.get(configSchema.shape[name])?.meaning ?? ''}`;
  }
  return isSecret(name) ? `${name} ${rule}` : `${name} ${rule}; it is ${JSON.stringify(mask(name, text).slice(0, 60))}`;
}

/** Of what is no secret, at least what looks like a login in the wrong place. */
function mask(name: SettingName, text: string): string {
  const secret = notes.get(configSchema.shape[name])?.secret;
  if (secret !== undefined) return secret(text);
  return /:.*@/s.test(text) ? '***' : text;
}

/** Rules between settings, for those that are valid by themselves. */
function contradictions(values: ReadonlyMap<SettingName, unknown>): string[] {
  const numberOf = (name: SettingName) => Number(values.get(name) ?? Number.NaN);
  const ladder = TIME_LIMITS_RISING.filter((name) => values.has(name));
  const steps = ladder
    .slice(1)
    .map((name, step) => [ladder[step] ?? name, name, 'the first is never reached'] as const);
  const mistakes = [...steps, ...MUST_BE_LESS]
    .filter(([less, more]) => numberOf(less) >= numberOf(more))
    .map(([less, more, because]) => {
      return `${less}=${numberOf(less)} must be less than ${more}=${numberOf(more)}: otherwise ${because}`;
    });
  if (numberOf('GROUP_SIZE_MAX') > numberOf('BUFFERED_RECORDS_MAX')) {
    mistakes.push('GROUP_SIZE_MAX must not exceed BUFFERED_RECORDS_MAX: no group could become full');
  }
  mistakes.push(...connectionMistakes(values), ...gatewayMistakes(values));
  return mistakes;
}

/** Levenshtein distance; names are short. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_value, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const substituted = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min((previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, substituted));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
