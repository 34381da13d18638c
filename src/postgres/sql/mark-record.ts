/**
 * Notes, in a partition whose records were left in hand, that one of them is about to be handled alone and everything
 * before it is settled; returns how often the same record was noted before. The position stays on another server than
 * the one that the partition was begun on: what was settled before the record may not be there.
 *
 * $1 consumer group text · $2 topic text · $3 partition int · $4 offset bigint · $5 owner text · $6 start of the server text
 */
export const MARK_RECORD = `
update partition_progress
set offset_next = case
      when extract(epoch from pg_postmaster_start_time())::text = $6 then greatest(offset_next, $4::bigint)
      else offset_next
    end,
    marked_by = $5,
    suspect_count = case when suspect_offset = $4::bigint then suspect_count + 1 else 1 end,
    suspect_offset = $4::bigint
where consumer_group = $1 and topic = $2 and partition = $3
returning suspect_count - 1 as former_count
`;
