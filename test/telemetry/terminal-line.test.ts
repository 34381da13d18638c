import { terminalLine } from '../../src/telemetry/terminal-line.ts';

test('is time, level, message and fields, as a person reads them', () => {
  const time = '2026-01-31T08:00:01.234Z';
  const line = JSON.stringify({ level: 'info', time, instance: 'w1', batchId: 'b1', filled: 3, msg: 'batch complete' });
  expect(terminalLine(`${line}\n`, false)).toBe('08:00:01.234 INFO  batch complete batchId=b1 filled=3\n');
});

test('an error says its message, and below it where it was', () => {
  const err = { type: 'Error', message: 'gone', stack: 'Error: gone\n    at here (file.ts:1)' };
  const line = JSON.stringify({ level: 'error', time: '2026-01-31T08:00:01.234Z', err, msg: 'failed' });
  expect(terminalLine(line, false)).toBe('08:00:01.234 ERROR failed - gone\n  at here (file.ts:1)\n');
  expect(terminalLine(line, true)).toContain('\u001b[31mERROR\u001b[0m');
});

test('what comes from outside cannot steer the terminal, and what is no line of ours stays', () => {
  const line = JSON.stringify({ level: 'info', time: '2026-01-31T08:00:01.234Z', name: '\u001b[2J', msg: 'x' });
  expect(terminalLine(line, false)).not.toContain('\u001b');
  expect(terminalLine('no JSON\n', true)).toBe('no JSON\n');
});
