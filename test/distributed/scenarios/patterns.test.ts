import fc from 'fast-check';
import { patternLoad } from '../../../distributed/scenarios/patterns.ts';

const pattern = fc.record({
  slots: fc.integer({ min: 1, max: 8 }),
  contents: fc.integer({ min: 1, max: 12 }),
  copies: fc.integer({ min: 1, max: 5 }),
  copyKind: fc.constantFrom('identical' as const, 'resent' as const, 'redelivered' as const),
});
const options = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
  repeats: fc.integer({ min: 1, max: 4 }),
  batchesInFlight: fc.integer({ min: 1, max: 5 }),
  pattern,
});

function contentsOf(load: ReturnType<typeof patternLoad>) {
  return [...load.inputs()].flatMap((input) => (input.kind === 'content' ? [input] : []));
}

test('what is sent is what the manifest counts', () => {
  fc.assert(
    fc.property(options, ({ pattern: one, ...rest }) => {
      const load = patternLoad({ ...rest, patterns: [one], startAtMs: 0 });
      const contents = contentsOf(load);
      const { totals } = load.manifest;
      expect([...load.inputs()].length).toBe(totals.inputs);
      expect(new Set(contents.map(({ textStorageId }) => textStorageId)).size).toBe(totals.contents);
      expect(contents.length - totals.contents).toBe(totals.duplicates);
    }),
  );
});

test('identical copies are one event under many keys, re-sent ones many events, redelivered ones one of both', () => {
  const countsOf = (copyKind: 'identical' | 'resent' | 'redelivered') => {
    const one = { slots: 3, contents: 1, copies: 20, copyKind };
    const contents = contentsOf(
      patternLoad({ seed: 3, repeats: 1, patterns: [one], batchesInFlight: 1, startAtMs: 0 }),
    );
    const events = new Set(contents.map(({ eventId }) => eventId)).size;
    return { events, keys: new Set(contents.map(({ key }) => key)).size };
  };
  expect(countsOf('identical')).toEqual({ events: 1, keys: 20 });
  expect(countsOf('resent')).toEqual({ events: 20, keys: 20 });
  expect(countsOf('redelivered')).toEqual({ events: 1, keys: 1 });
});
