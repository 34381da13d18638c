import { AppError } from '../../../src/errors.ts';
import { Lifecycle, type Service } from '../../../src/lifecycle.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';

/**
 * A program of two services, `first` and `second`, for tests of signals and exit codes. The argument names what goes
 * wrong in it. Everything it does is a log line; the last one carries the order of all (a fatal line overtakes others).
 */
const behaviour = process.argv[2] ?? 'ordinary';
const log = createLogger({ level: 'info', instance: 'test' });
const lifecycle = new Lifecycle({ graceMs: behaviour === 'hang-until-deadline' ? 300 : 20_000, log });

const order: string[] = [];
function step(name: string): void {
  order.push(`${name} while ${lifecycle.phase}`);
  log.info({ order }, name);
}

/** Keeps the process alive, as an open server would; a stop that never resolves must not. */
setInterval(() => {}, 1000);

const first: Service = {
  name: 'first',
  start: async () => step('first started'),
  stop: async () => step('first stopped'),
};

/** Ends the wait of `start-waiting`. */
let giveUp = () => {};

const second: Service = {
  name: 'second',
  start: async () => {
    switch (behaviour) {
      case 'refuse-start':
        throw new AppError('START_CHECK_FAILED', 'topic missing');
      case 'fail-start':
        throw new AppError('UNAVAILABLE', 'nobody there');
      case 'start-slowly':
        step('second starting');
        await new Promise<void>((resolve) => {
          process.once('SIGTERM', () => setTimeout(resolve, 50));
        });
        break;
      case 'start-waiting':
        step('second starting');
        await new Promise((_resolve, reject) => {
          giveUp = () => reject(new Error('nobody came'));
        });
    }
    step('second started');
  },
  stop: async () => {
    giveUp();
    if (behaviour.startsWith('hang')) {
      step('second hangs');
      await new Promise(() => {});
    }
    if (behaviour === 'fail-stop') {
      throw new Error('stop refused');
    }
    step('second stopped');
  },
};

void lifecycle.runUntilSignal([first, second]).then(() => {
  switch (behaviour) {
    case 'fatal':
      lifecycle.fatal(new Error('consumer crashed'));
      lifecycle.fatal(new Error('and again'));
      break;
    case 'unhandled-rejection':
      void Promise.reject(new Error('nobody listens'));
      break;
    case 'uncaught-exception':
      setImmediate(() => {
        throw new Error('nobody catches');
      });
      break;
  }
});
