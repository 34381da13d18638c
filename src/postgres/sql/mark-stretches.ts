/**
 * Marks the records in hand of partitions, unless they were passed meanwhile. Rows are locked in order of their key.
 *
 * $1 consumer group text · $2 topic text[] · $3 partition int[] · $4 first offset bigint[] · $5 end bigint[] · $6 owner text
 */
export const MARK_STRETCHES = `
with stretches as materialized (
  select p.topic, p.partition, s.offset_from, s.offset_end
  from partition_progress p
  join unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[]) as s(topic, partition, offset_from, offset_end)
    on s.topic = p.topic and s.partition = p.partition
  where p.consumer_group = $1 and p.offset_next < s.offset_end
  order by p.topic, p.partition
  for update of p
)
update partition_progress p
set marked_by = $6,
    marked_from = s.offset_from,
    marked_to = s.offset_end,
    suspect_offset = null,
    suspect_count = 0
from stretches s
where p.consumer_group = $1 and p.topic = s.topic and p.partition = s.partition
`;
