/**
 * Moves positions on, never back, and takes away the marks that are passed. Only on the server that the partitions were
 * begun on, and only where it has what it acknowledged before; the rows that were moved are returned. Rows are locked in
 * order of their key.
 *
 * $1 consumer group text · $2 topic text[] · $3 partition int[] · $4 acknowledged position bigint[]
 * $5 new position bigint[] · $6 start of the server text
 */
export const ADVANCE_PARTITIONS = `
with moves as materialized (
  select p.topic, p.partition, greatest(p.offset_next, m.offset_next) as offset_next
  from partition_progress p
  join unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[]) as m(topic, partition, offset_from, offset_next)
    on m.topic = p.topic and m.partition = p.partition
  where p.consumer_group = $1
    and p.offset_next >= m.offset_from
    and extract(epoch from pg_postmaster_start_time())::text = $6
  order by p.topic, p.partition
  for update of p
)
update partition_progress p
set offset_next = m.offset_next,
    marked_by = case when p.marked_to > m.offset_next then p.marked_by end,
    marked_from = case when p.marked_to > m.offset_next then p.marked_from end,
    marked_to = case when p.marked_to > m.offset_next then p.marked_to end,
    suspect_offset = case when p.marked_to > m.offset_next then p.suspect_offset end,
    suspect_count = case when p.marked_to > m.offset_next then p.suspect_count else 0 end,
    updated_at = now()
from moves m
where p.consumer_group = $1 and p.topic = m.topic and p.partition = m.partition
returning p.topic, p.partition
`;
