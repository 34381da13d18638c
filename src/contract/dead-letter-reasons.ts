/** Why a record is set aside: the header `dlq-reason` is one of these. A reader must live with one that is new. */
export const DEAD_LETTER_REASONS = [
  'malformed_json',
  'too_deep',
  'too_large',
  'invalid_envelope',
  'unsupported_version',
  'invalid_payload',
  'invalid_id',
  'invalid_count',
  'conflicting_registration',
  /** Came before the registration of a batch for which so many wait already. */
  'pending_full',
  /** A batch of the log that could not be decoded; the letter stands for all its records and has them compressed. */
  'undecodable_batch',
  'crashed_process',
] as const;

export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];
