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
  'pending_full',
  'undecodable_batch',
  'crashed_process',
] as const;
