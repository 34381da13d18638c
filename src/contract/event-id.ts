/**
 * Ids that anyone can compute again from what they stand for (uuid v5). However often an event is built, by whichever
 * instance, it has the same id, so a consumer can drop the copies. Names are joined of ids by a line feed, which no
 * valid id contains, so different ids never give the same name.
 */
import { parse, v5 } from 'uuid';

/** Chosen once at random; changing it gives every event a second id. */
const NAMESPACE = parse('5b0f1f5e-6c7b-4c1e-9d58-0f3a7f1f9a42');

/** Identity: text storage id for slot assigned and excess, '' for the one completion of a batch. */
export function outboundEventId(batchId: string, eventType: string, identity: string): string {
  return v5(`${batchId}\n${eventType}\n${identity}`, NAMESPACE);
}

/** For an inbound event that carries no usable correlation id of its own. */
export function derivedCorrelationId(eventId: string): string {
  return v5(`correlation\n${eventId}`, NAMESPACE);
}
