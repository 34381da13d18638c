import fc from 'fast-check';
import { parse, v5 } from 'uuid';
import { derivedCorrelationId, outboundEventId } from '../../src/contract/event-id.ts';

const NAMESPACE = parse('5b0f1f5e-6c7b-4c1e-9d58-0f3a7f1f9a42');

test('ids are those of the standard, for every name', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 60 });
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
