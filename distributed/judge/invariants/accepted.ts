/**
 * I21: what a gateway answered, judged by what lies in the input topics. What becomes of an input that lies there is
 * judged for all of them alike, so what is asked here is only whether it does.
 */
import type { Checker } from '../checker.ts';
import { problemOf } from '../counterexample.ts';

const ACCEPTED = 202;

export const acceptedIsWritten: Checker = {
  id: 'I21',
  title:
    'Every event of an answer 202 lies in the input topic; the same Idempotency-Key is answered with the same events',
  applies: (run) => run.clients.users,
  batch(batch, _run, answer) {
    const inputs = [...batch.registrations, ...batch.contents, ...batch.failures];
    const written = new Set(inputs.map(({ eventId }) => eventId));
    const eventsOfKey = new Map<string, string>();
    const open = new Set<string>();
    for (const record of batch.clients) {
      if (record.what === 'left') open.delete(record.client);
      if (record.what !== 'answer') continue;
      open.add(record.client);
      if (record.status !== ACCEPTED) continue;
      const { client, key, eventIds } = record;
      const missing = eventIds.filter((eventId) => !written.has(eventId));
      answer.holds(eventIds.length > 0 && missing.length === 0, () =>
        problemOf(
          batch,
          `${client} was answered 202 with the events ${eventIds.join(', ')}; not there: ${missing.join(', ')}`,
        ),
      );
      if (key === null) continue;
      const known = eventsOfKey.get(key) ?? eventIds.join();
      eventsOfKey.set(key, known);
      answer.holds(known === eventIds.join(), () =>
        problemOf(batch, `${client} got ${eventIds.join()} under the key ${key}, and ${known} before`),
      );
    }
    if (open.size > 0) answer.doubt('the record of a user does not end');
  },
};
