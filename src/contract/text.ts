/**
 * Which text may pass. An id is compared byte for byte everywhere, so it must survive every store on the way
 * unchanged: PostgreSQL refuses NUL, and its driver turns every lone surrogate into the same U+FFFD, which would make
 * two ids one. Edge whitespace is refused because it makes one id two, silently; refusing is visible.
 * Nothing is normalised: two spellings of the same characters (NFC, NFD; upper case, lower case) are two ids.
 */

/** Control characters (C0, DEL, C1) and lone surrogates. In `u` mode a proper pair is one character, not Cs. */
const UNUSABLE = /[\p{Cc}\p{Cs}]/u;
const UNUSABLE_ALL = /[\p{Cc}\p{Cs}]/gu;
const LONE_SURROGATE = /\p{Cs}/u;

/** Of every id that comes from outside, in UTF-16 units. */
export const ID_LENGTH_MAX = 200;

/** Length counts UTF-16 units: 1..lengthMax. */
export function isUsableId(text: string, lengthMax: number): boolean {
  return text.length > 0 && text.length <= lengthMax && text.trim().length === text.length && !UNUSABLE.test(text);
}

/** Text for people: cut to lengthMax, each unusable character replaced by U+FFFD; anything but a string is ''. */
export function cleanText(text: unknown, lengthMax: number): string {
  return typeof text === 'string' ? text.slice(0, lengthMax).replace(UNUSABLE_ALL, '\uFFFD') : '';
}

/** Whether a parsed JSON value can be stored as jsonb: no NUL and no lone surrogate in any string or key. */
export function isStorableJson(value: unknown): boolean {
  if (typeof value === 'string') return isStorableText(value);
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isStorableJson);
  return Object.entries(value).every(([name, member]) => isStorableText(name) && isStorableJson(member));
}

function isStorableText(text: string): boolean {
  return !text.includes('\u0000') && !LONE_SURROGATE.test(text);
}
