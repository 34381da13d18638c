/**
 * A message as it goes to the broker: `value` is the whole envelope as JSON text. Building one twice from the same
 * arguments gives the same bytes.
 */
export interface WireMessage {
  readonly topic: string;
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The only version of envelope and payloads there is. */
export const SCHEMA_VERSION = 1;
