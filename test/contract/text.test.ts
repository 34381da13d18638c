import fc from 'fast-check';
import { cleanText, isStorableJson, isUsableId } from '../../src/contract/text.ts';

const anyText = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units));
const throughUtf8 = (text: string): string => Buffer.from(text, 'utf8').toString('utf8');

test('two different usable ids stay different in UTF-8', () => {
  fc.assert(
    fc.property(anyText, anyText, (a, b) => {
      fc.pre(a !== b && isUsableId(a, 200) && isUsableId(b, 200));
      expect(throughUtf8(a)).not.toBe(throughUtf8(b));
    }),
  );
});

test('every control character makes an id unusable and no other character below U+D800 does', () => {
  for (let unit = 0; unit < 0xd800; unit++) {
    const isControl = unit < 0x20 || (unit >= 0x7f && unit < 0xa0);
    expect(isUsableId(`x${String.fromCharCode(unit)}y`, 200)).toBe(!isControl);
  }
});

test('every half of a pair makes an id unusable', () => {
  for (let unit = 0xd800; unit < 0xe000; unit++) expect(isUsableId(`x${String.fromCharCode(unit)}y`, 200)).toBe(false);
});

test('clean text can be stored and is what it was where that could be stored', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const clean = cleanText(text, 1000);
      expect(throughUtf8(clean)).toBe(clean);
      expect(isStorableJson(clean)).toBe(true);
      expect(clean).toHaveLength(Math.min(text.length, 1000));
      expect(cleanText(clean, 1000)).toBe(clean);
      if (!/[\p{Cc}\p{Cs}]/u.test(text)) expect(clean).toBe(text.slice(0, 1000));
    }),
  );
});

test('JSON can be stored unless a text or a name in it holds NUL or half a pair', () => {
  expect(isStorableJson({ a: [1, null, true, { b: 'line\nfeed 📝' }] })).toBe(true);
  for (const wrong of ['\u0000', '\uD83D', '\uDCDD\uD83D']) {
    for (const value of [wrong, [wrong], { a: wrong }, { [wrong]: 1 }, { a: [{ b: [wrong] }] }]) {
      expect(isStorableJson(value)).toBe(false);
    }
  }
});
