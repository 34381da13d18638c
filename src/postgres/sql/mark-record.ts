/**
 * Marks the record that is about to be handled alone; returns how often it was marked before. No row: its partition has
 * no mark.
 *
 * $1 consumer group text · $2 topic text · $3 partition int · $4 offset bigint
 */
export const MARK_RECORD = `
update partition_attempts
set suspect_count = case when suspect_offset = $4::bigint then suspect_count + 1 else 1 end,
    suspect_offset = $4::bigint
where consumer_group = $1 and topic = $2 and partition = $3
returning suspect_count - 1 as former_count
`;
