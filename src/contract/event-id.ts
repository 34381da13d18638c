/**
 * Ids that anyone can compute again from what they stand for (uuid v5, RFC 9562). However often an event is built, by
 * whichever instance, it has the same id, so a consumer can drop the copies. Names are joined of ids by a line feed,
 * which no valid id contains, so different ids never give the same name.
 */
import { hash } from 'node:crypto';

/** Chosen once at random; changing it gives every event a second id. */
const NAMESPACE = Buffer.from('5b0f1f5e6c7b4c1e9d580f3a7f1f9a42', 'hex');
/** The namespace, and room for a name of 36-character ids. */
const scratch = Buffer.concat([NAMESPACE], 1024);
/** By the first hexadecimal digit of the variant octet: its upper two bits become 10. */
const VARIANT = '89ab89ab89ab89ab';

/** Identity: text storage id for slot assigned and excess, '' for the one completion of a batch. */
export function outboundEventId(batchId: string, eventType: string, identity: string): string {
  return uuidOf(`${batchId}\n${eventType}\n${identity}`);
}

/** For an inbound event that carries no usable correlation id of its own. */
export function derivedCorrelationId(eventId: string): string {
  return uuidOf(`correlation\n${eventId}`);
}

/** Of what a caller sends under a key of its own. The same parts give the same id, so that a repeat is a duplicate. */
export function requestedId(kind: 'batch' | 'essay' | 'event', parts: readonly string[]): string {
  return uuidOf(`requested ${kind}\n${parts.join('\n')}`);
}

/**
 * By the platform's hash, in one call: one id per event, so a library that hashes in JavaScript would be a tenth of a
 * worker's work, and a hash object for each is three times as dear as the hash.
 */
function uuidOf(name: string): string {
  const hex = hash('sha1', named(name), 'hex');
  const variant = VARIANT.charAt(Number.parseInt(hex.charAt(16), 16));
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The bytes to hash; good until the next call. */
function named(name: string): Buffer {
  // A character takes three bytes at most.
  if (name.length * 3 > scratch.length - NAMESPACE.length) return Buffer.concat([NAMESPACE, Buffer.from(name)]);
  return scratch.subarray(0, NAMESPACE.length + scratch.write(name, NAMESPACE.length));
}
