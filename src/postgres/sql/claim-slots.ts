/**
 * Gives each new input of a group one open slot: the hot statement.
 *
 * Locks, in this order: open slots with SKIP LOCKED (never waits), then the rows of the batches that got some, in id
 * order (the only wait), and only then writes. Who waits holds slots, but nobody waits for slots: no deadlock. Because
 * the batch row is held before a slot is filled, two fillings of one text meet as a finished unique violation (23505),
 * never as a wait inside the index.
 *
 * An input that comes back without slot and not `known` is unknown, not excess: slots may be locked by somebody who
 * rolls back. The batch's state and open slots are of this statement's snapshot plus its own changes; the latter are on
 * top of whatever others committed before the lock, which the snapshot, and so `known`, may not show.
 *
 * For the planner: every locking part is MATERIALIZED, the literal LIMIT keeps estimates low, LATERAL ... LIMIT 1 pins
 * index probes, the id array is computed once, and the session runs with the settings of HOT_PLAN_SETTINGS.
 *
 * $1 kind text[] · $2 batch_id text[] · $3 identity text[] · $4 file_upload_id text[] · $5 original_file_name text[] ·
 * $6 assigned_by text. Identities are distinct within the call.
 */
import { CLAIM_INPUTS_MAX } from '../../domain/batch-store.ts';

export const CLAIM_SLOTS = `
with input as materialized (
  select kind, batch_id, identity, file_upload_id, original_file_name, ord
  from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
    with ordinality as t(kind, batch_id, identity, file_upload_id, original_file_name, ord)
), known as materialized (
  select i.ord
  from input i
  cross join lateral (
    select 1 from slots s where s.batch_id = i.batch_id and s.text_storage_id = i.identity limit 1
  ) s
  where i.kind = 'content'
  union all
  select i.ord
  from input i
  cross join lateral (
    select 1 from failures f where f.batch_id = i.batch_id and f.file_upload_id = i.identity limit 1
  ) f
  where i.kind = 'failure'
), upload_assigned as materialized (
  select i.ord
  from input i
  where i.kind = 'failure'
    and (i.batch_id, i.identity) in (
      select s.batch_id, s.file_upload_id
      from slots s
      where s.batch_id = any (array(select distinct batch_id from input where kind = 'failure'))
        and s.text_storage_id is not null
    )
), wanted as materialized (
  select i.*, row_number() over (partition by i.batch_id order by i.ord) as rank
  from input i
  where not exists (select 1 from known k where k.ord = i.ord)
    and not exists (select 1 from upload_assigned u where u.ord = i.ord)
), demand as materialized (
  select batch_id, count(*) as slot_count from wanted group by batch_id
), candidate as materialized (
  select c.essay_id, c.position, d.batch_id
  from demand d
  cross join lateral (
    select s.essay_id, s.position
    from slots s
    where s.batch_id = d.batch_id and s.status = 'open'
    order by s.position
    limit d.slot_count
    for update skip locked
  ) c
  limit ${CLAIM_INPUTS_MAX}
), locked as materialized (
  select b.id, b.version
  from batches b
  where b.id = any (array(select distinct batch_id from candidate))
  order by b.id
  for update
), ranked as materialized (
  select c.essay_id, c.batch_id, row_number() over (partition by c.batch_id order by c.position) as rank
  from candidate c
), placed as (
  update slots s
  set status = case w.kind when 'content' then 'filled' else 'failed' end,
      text_storage_id = case w.kind when 'content' then w.identity end,
      file_upload_id = w.file_upload_id,
      original_file_name = w.original_file_name,
      assigned_at = now(),
      assigned_by = $6,
      batch_version = l.version + r.rank
  from ranked r
  join wanted w on w.batch_id = r.batch_id and w.rank = r.rank
  join locked l on l.id = r.batch_id
  where s.essay_id = r.essay_id
    and s.essay_id = any (array(select essay_id from candidate))
  returning s.essay_id, s.batch_id, s.status, s.batch_version, w.ord
), tally as materialized (
  select batch_id, count(*)::int as taken, (count(*) filter (where status = 'filled'))::int as filled
  from placed
  group by batch_id
), counted as (
  update batches b
  set open_slots = b.open_slots - t.taken,
      filled_count = b.filled_count + t.filled,
      failed_count = b.failed_count + t.taken - t.filled,
      version = b.version + t.taken,
      state = case when b.open_slots = t.taken then 'complete' else b.state end,
      completed_at = case when b.open_slots = t.taken then now() end
  from tally t
  where b.id = t.batch_id
  returning b.id, b.state, b.open_slots
)
select
  p.essay_id,
  p.batch_version,
  k.ord is not null as known,
  u.ord is not null as upload_assigned,
  coalesce(c.state, b.state) as batch_state,
  coalesce(c.state = 'complete', false) as completed_here,
  coalesce(c.open_slots, b.open_slots, 0) as open_slots
from input i
left join known k on k.ord = i.ord
left join upload_assigned u on u.ord = i.ord
left join placed p on p.ord = i.ord
left join counted c on c.id = i.batch_id
left join lateral (select b.state, b.open_slots from batches b where b.id = i.batch_id limit 1) b on true
order by i.ord
`;
