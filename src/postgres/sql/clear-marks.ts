/**
 * Takes away the marks of partitions as far as they are still this owner's: a late clear must not wipe the mark of the
 * next one. Rows are locked in order of their key.
 *
 * $1 consumer group text · $2 topic text[] · $3 partition int[] · $4 owner text
 */
export const CLEAR_MARKS = `
with mine as materialized (
  select p.topic, p.partition
  from partition_progress p
  join unnest($2::text[], $3::int[]) as t(topic, partition) on t.topic = p.topic and t.partition = p.partition
  where p.consumer_group = $1 and p.marked_by = $4
  order by p.topic, p.partition
  for update of p
)
update partition_progress p
set marked_by = null, marked_from = null, marked_to = null, suspect_offset = null, suspect_count = 0
from mine m
where p.consumer_group = $1 and p.topic = m.topic and p.partition = m.partition
`;
