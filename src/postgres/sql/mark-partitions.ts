/**
 * Marks partitions as this owner's. A mark that is still there at the same offset means that its owner neither moved on
 * nor ended in order: one more unclean end. Another offset starts the count anew and forgets the marked record.
 *
 * $1 consumer group text · $2 topic text[] · $3 partition int[] · $4 committed offset bigint[] · $5 instance text
 */
export const MARK_PARTITIONS = `
insert into partition_attempts as a (consumer_group, topic, partition, offset_next, unclean_count, owner)
select $1, t.topic, t.partition, t.offset_next, 0, $5
from unnest($2::text[], $3::int[], $4::bigint[]) as t(topic, partition, offset_next)
order by t.topic, t.partition
on conflict (consumer_group, topic, partition) do update
set unclean_count = case when a.offset_next = excluded.offset_next then a.unclean_count + 1 else 0 end,
    suspect_offset = case when a.offset_next = excluded.offset_next then a.suspect_offset end,
    suspect_count = case when a.offset_next = excluded.offset_next then a.suspect_count else 0 end,
    offset_next = excluded.offset_next,
    owner = excluded.owner,
    taken_at = now()
returning topic, partition, unclean_count
`;
