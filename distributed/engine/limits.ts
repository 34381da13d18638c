/** The patience of every part, whatever it runs on. */

/** Nothing may be under way for this long before a part counts as at rest. */
export const STABLE_MS = 3_000;
/** After an interrupt or a failure, for what is under way to settle. */
export const SETTLE_MS_MAX = 15_000;
export const COLLECT_MS_MAX = 120_000;
/** Of the workers with Kafka: short, so that a part sees a session end. */
export const SESSION_MS = 10_000;
