import fc from 'fast-check';
import { parse, v5 } from 'uuid';
import { derivedCorrelationId, outboundEventId } from '../../src/contract/event-id.ts';

const NAMESPACE = parse('5b0f1f5e-6c7b-4c1e-9d58-0f3a7f1f9a42');

test('ids are those of the standard, for every name', () => {
  const short = fc.string({ unit: 'grapheme', maxLength: 60 });
  // Longer than any that is seen, in one to four bytes a character.
  const long = fc.string({ unit: 'binary', minLength: 250, maxLength: 500, size: 'max' });
  const text = fc.oneof({ weight: 4, arbitrary: short }, { weight: 1, arbitrary: long });
  fc.assert(
    fc.property(text, text, text, (batchId, eventType, identity) => {
      expect(outboundEventId(batchId, eventType, identity)).toBe(
        v5(`${batchId}\n${eventType}\n${identity}`, NAMESPACE),
      );
      expect(derivedCorrelationId(identity)).toBe(v5(`correlation\n${identity}`, NAMESPACE));
    }),
    { numRuns: 2_000 },
  );
});
