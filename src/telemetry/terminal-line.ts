/**
 * A log line as a person at a terminal reads it: time, level, message, then the fields; stacks below. What is not a line
 * of ours stays as it is. Values may come from outside and must not steer the terminal.
 */
const LEVEL_COLOURS: Readonly<Record<string, number>> = { fatal: 31, error: 31, warn: 33, debug: 90, trace: 90 };

export function terminalLine(line: string, isColoured: boolean): string {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const { level, time, msg, instance: _same, err, ...rest } = fields;
  const name = String(level);
  const colour = LEVEL_COLOURS[name];
  const shownLevel = name.toUpperCase().padEnd(5);
  const clock = String(time).slice(11, 23);
  const { message, stack } = (err ?? {}) as { message?: unknown; stack?: unknown };
  const values = Object.entries(rest).map(([key, value]) => `${key}=${shown(value)}`);
  const parts = [
    clock,
    isColoured && colour !== undefined ? `\u001b[${colour}m${shownLevel}\u001b[0m` : shownLevel,
    shown(msg),
    ...(message === undefined ? [] : [`- ${shown(message)}`]),
    ...values,
  ];
  const below =
    typeof stack === 'string'
      ? stack
          .split('\n')
          .slice(1)
          .map((one) => `\n  ${shown(one.trim())}`)
      : [];
  return `${parts.join(' ')}${below.join('')}\n`;
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return (text ?? '-').replace(/\p{Cc}/gu, '\uFFFD');
}
