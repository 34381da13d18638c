/** Why a text is no JSON, in words that tell a producer what to mend and quote nothing of it. */
const BYTE_ORDER_MARK = '\uFEFF';

export function whyNoJson(text: string, error: unknown): string {
  // RFC 8259 lets a reader refuse it, and a byte more than the sender meant changes what was sent.
  if (text.startsWith(BYTE_ORDER_MARK)) return 'value begins with a byte order mark, which JSON has none of';
  if (text.trim() === '') return 'value is white space';
  // The parser's message quotes the text; its position does not.
  const message = error instanceof Error ? error.message : '';
  const position = Number(/at position (\d+)/.exec(message)?.[1] ?? Number.NaN);
  if (/end of JSON input/.test(message) || position >= text.length) {
    return `value is JSON that ends in the middle, after ${text.length} characters`;
  }
  if (!/^\s*[[{]/.test(text)) return 'value is text, not JSON';
  return Number.isNaN(position) ? 'value is not valid JSON' : `value is not valid JSON from character ${position} on`;
}
