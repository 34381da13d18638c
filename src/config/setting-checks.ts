/** What a setting's text may be, and what becomes of it. */
import { z } from 'zod';
import { parseHosts } from '../connection/address.ts';

export interface SettingNotes {
  /** One sentence: what it does and, where it matters, why it has this default. */
  readonly meaning: string;
  readonly unit?: 'ms' | 's' | 'bytes' | 'records' | 'slots' | 'days';
  /** May be read from the file named by NAME_FILE; what is shown is what this makes of it. */
  readonly secret?: (text: string) => string;
  /** The value is the path of a file, which must be readable. */
  readonly file?: true;
  /** How the default is described where it differs from process to process. */
  readonly defaultText?: string;
  /** What a required setting looks like in .env.example. */
  readonly example?: string;
}

export const notes = z.registry<SettingNotes>();

export function setting<T extends z.ZodType>(check: T, about: SettingNotes): T {
  notes.add(check, about);
  return check;
}

export function integer(lowest: number, highest: number) {
  return z
    .string()
    .refine(
      (text) => /^\d{1,15}$/.test(text) && Number(text) >= lowest && Number(text) <= highest,
      `must be a whole number from ${lowest} to ${highest}`,
    )
    .transform(Number);
}

export const flag = () =>
  z
    .string()
    .refine((text) => text === 'true' || text === 'false', 'must be true or false')
    .transform((text) => text === 'true');

export const oneOf = <const T extends readonly [string, ...string[]]>(...values: T) =>
  z.enum(values, `must be one of ${values.join(', ')}`);

export const text = (pattern: RegExp, rule: string) => z.string().regex(pattern, rule);

export const optionalText = (pattern = /^.{1,1000}$/, rule = 'must be 1 to 1000 characters') =>
  text(pattern, rule).nullable().default(null);

/** What `parse` takes; the message of its refusal is the rule. */
export function accepted(parse: (text: string) => unknown) {
  return z.string().superRefine((value, context) => {
    try {
      parse(value);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'is invalid' });
    }
  });
}

export const brokerList = () =>
  accepted(parseHosts).transform((list): readonly string[] => Object.freeze(list.split(',')));

export const origins = () =>
  z
    .string()
    .default('')
    .transform((list): readonly string[] => Object.freeze(list === '' ? [] : list.split(',')))
    .refine((list) => list.every(isOrigin), 'must be origins like https://school.example, with commas between');

function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

export const file = (meaning: string) => setting(optionalText(), { meaning, file: true });

export const serverName = (server: string) =>
  setting(optionalText(/^[\w.-]{1,253}$/, 'must be a host name'), {
    meaning: `Name to expect in the certificate of ${server} in place of the host that is connected to.`,
  });

/** For `secret`: nothing of it is shown. */
export const hidden = () => '***';
