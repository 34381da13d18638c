/**
 * Begins with partitions: the position becomes the smaller of the committed one and ours, and only that of the mark
 * stays which says that another process ended with the records from that position on in hand. Rows are locked in order
 * of their key, before any is written.
 *
 * The server's start tells one server from another: a standby that was promoted, or one that was restarted, is not the
 * one that acknowledged what was settled before. As seconds, since a text of it would depend on settings.
 *
 * $1 consumer group text · $2 topic text[] · $3 partition int[] · $4 committed position bigint[] · $5 owner text
 */
export const BEGIN_PARTITIONS = `
with asked as materialized (
  select * from unnest($2::text[], $3::int[], $4::bigint[]) as t(topic, partition, committed)
),
former as materialized (
  select p.topic, p.partition, p.offset_next
  from partition_progress p
  join asked a on a.topic = p.topic and a.partition = p.partition
  where p.consumer_group = $1
  order by p.topic, p.partition
  for update of p
),
begun as (
  insert into partition_progress as p (consumer_group, topic, partition, offset_next)
  select $1, a.topic, a.partition, least(a.committed, f.offset_next)
  from asked a
  left join former f on f.topic = a.topic and f.partition = a.partition
  order by a.topic, a.partition
  on conflict (consumer_group, topic, partition) do update
  set (offset_next, marked_by, marked_from, marked_to, suspect_offset, suspect_count, updated_at) = (
    select least(p.offset_next, excluded.offset_next), m.marked_by, m.marked_from, m.marked_to, m.suspect_offset,
      coalesce(m.suspect_count, 0), now()
    from (select) one
    left join (
      select p.marked_by, p.marked_from, p.marked_to, p.suspect_offset, p.suspect_count
      where p.marked_by <> $5
        and least(p.offset_next, excluded.offset_next) >= p.marked_from
        and least(p.offset_next, excluded.offset_next) < p.marked_to
    ) m on true
  )
  returning p.topic, p.partition, p.offset_next, p.marked_to
)
select b.topic, b.partition, b.offset_next::text, b.marked_to::text, coalesce(f.offset_next, b.offset_next)::text as settled_next,
  extract(epoch from pg_postmaster_start_time())::text as server
from begun b
left join former f on f.topic = b.topic and f.partition = b.partition
`;
