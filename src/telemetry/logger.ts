import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';

export type Logger = PinoLogger;

/** Never printed, wherever they occur in a logged object. */
const REDACTED_PATHS = [
  'password',
  'token',
  'authorization',
  'cookie',
  'databaseUrl',
  'redisUrl',
  'saslPassword',
].flatMap((name) => [name, `*.${name}`]);

/**
 * One JSON object per line on standard output. Messages are constant; values go into fields. `instance` is on every line.
 * `flush` waits for what is being written (with a minLength of 0 it would not), so the last lines come out in order.
 */
export function createLogger(
  options: { level: string; instance: string },
  destination: DestinationStream = pino.destination({ fd: 1, sync: false, minLength: 1 }),
): Logger {
  return pino(
    {
      level: options.level,
      base: { instance: options.instance },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
    },
    destination,
  );
}
