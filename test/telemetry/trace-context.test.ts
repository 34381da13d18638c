import {
  formatTraceparent,
  partsOf,
  traceparentFromHeader,
  traceparentFromText,
  tracestateFromHeader,
  tracestateFromText,
} from '../../src/telemetry/trace-context.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const VALID = `00-${TRACE}-${SPAN}-01`;

test('a valid traceparent is taken as it is, from text and from bytes', () => {
  expect(traceparentFromText(VALID)).toBe(VALID);
  expect(traceparentFromHeader(Buffer.from(VALID))).toBe(VALID);
});

test.each([
  ['text', 'hello'],
  ['upper case', VALID.toUpperCase()],
  ['version ff', `ff${VALID.slice(2)}`],
  ['a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['a span id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['more fields in version 00', `${VALID}-what`],
  ['a later version that goes on without a dash', `cc-${TRACE}-${SPAN}-01what`],
  ['a later version without end', `cc-${TRACE}-${SPAN}-01-${'x'.repeat(600)}`],
  ['a line feed', `${VALID.slice(0, -1)}\n`],
])('%s is no traceparent', (_what, text) => {
  expect(traceparentFromText(text)).toBeNull();
  expect(traceparentFromHeader(Buffer.from(text))).toBeNull();
});

test.each([`cc-${TRACE}-${SPAN}-01`, `cc-${TRACE}-${SPAN}-01-what-the-future`, `01-${TRACE}-${SPAN}-09-x`])(
  'of a later version what version 00 knows is taken: %s',
  (text) => {
    expect(traceparentFromText(text)).toBe(VALID);
  },
);

test('a traceparent header given twice is as good as none', () => {
  expect(traceparentFromHeader([Buffer.from(VALID), Buffer.from(VALID)])).toBeNull();
  expect(traceparentFromHeader(undefined)).toBeNull();
});

test('a tracestate is passed on as it is, several headers of it as one list', () => {
  expect(tracestateFromHeader(Buffer.from('rojo=1,congo=t61'))).toBe('rojo=1,congo=t61');
  expect(tracestateFromHeader([Buffer.from('rojo=1'), Buffer.from('congo=t61')])).toBe('rojo=1,congo=t61');
});

test.each([
  ['empty', ''],
  ['control characters', 'a=1\nb=2'],
  ['too long', `a=${'x'.repeat(511)}`],
  ['no text', 7],
])('a tracestate that cannot be passed on is dropped: %s', (_what, value) => {
  expect(tracestateFromText(value)).toBeUndefined();
});

test('a context is put together as it is taken apart', () => {
  const { traceId, spanId, traceFlags } = partsOf(VALID);
  expect([traceId, spanId, traceFlags]).toEqual([TRACE, SPAN, 1]);
  expect(formatTraceparent(traceId, spanId, traceFlags)).toBe(VALID);
});
