/** What each room of the composition is given to register its classes with. */
import type { Config } from '../config/config-schema.ts';
import type { Logger } from '../telemetry/logger.ts';

/** The one instance of a class in this program. */
export type Get = <T>(token: new (...args: never[]) => T) => T;

/**
 * Says how the one instance of a class is made, when it is first needed. A factory of another class does not compile.
 */
export type Single = <T>(token: new (...args: never[]) => T, make: (get: Get) => T) => void;

export interface Composing {
  readonly config: Config;
  readonly log: Logger;
  readonly single: Single;
}
