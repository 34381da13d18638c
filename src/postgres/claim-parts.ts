/**
 * What the statements that claim have in common: each new input of a group gets one open slot. They wait for nobody.
 *
 * Locks, in this order: the rows of unfinished batches with SKIP LOCKED, then open slots of those it got with SKIP
 * LOCKED. A batch whose row somebody else holds is left alone, and so is one that changed between this statement's
 * snapshot and its lock (`certain` compares the two): both come back as not certain, to be tried again on a fresh
 * snapshot. So whoever fills a slot of a batch has its row locked and sees all there is of it: two fillings of one text
 * never meet in the unique index, a counter is never behind, and a batch that is full for this statement is full.
 * An open slot can still be locked by somebody foreign; then inputs come back without a slot from an open batch.
 *
 * For the planner: every locking part is MATERIALIZED, the literal LIMIT keeps estimates low, LATERAL ... LIMIT 1 and
 * arrays computed once pin index probes (a join with batches or slots would read the whole of them), and the session
 * runs with the settings of HOT_PLAN_SETTINGS. Open slots come in the order of slots_by_status, which the order must
 * name in full though they have no upload.
 *
 * $1 kind text[] · $2 batch_id text[] · $3 identity text[] · $4 file_upload_id text[] · $5 original_file_name text[] ·
 * $6 assigned_by text. Identities are distinct within the call.
 */
import { CLAIM_INPUTS_MAX } from '../domain/batch-store.ts';

/** Up to what was taken of each batch; the same in every statement that claims. */
export const CLAIM = `
with input as materialized (
  select kind, batch_id, identity, file_upload_id, original_file_name, ord
  from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
    with ordinality as t(kind, batch_id, identity, file_upload_id, original_file_name, ord)
), batch as materialized (
  select b.id, b.state, b.version, b.erased_at
  from (select distinct batch_id from input) i
  cross join lateral (
    select b.id, b.state, b.version, b.erased_at from batches b where b.id = i.batch_id limit 1
  ) b
), locked as materialized (
  select b.id, b.state, b.version, b.open_slots
  from batches b
  where b.id = any (array(select id from batch where state <> 'complete'))
  order by b.id
  for update skip locked
), certain as materialized (
  select l.id, l.state, l.version, l.open_slots
  from locked l
  join batch b on b.id = l.id and b.state = l.state and b.version = l.version
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
  cross join lateral (
    select 1
    from slots s
    where s.batch_id = i.batch_id and s.status = 'filled' and s.file_upload_id = i.identity
    limit 1
  ) s
  where i.kind = 'failure'
), wanted as materialized (
  select i.*, row_number() over (partition by i.batch_id order by i.ord) as rank
  from input i
  join certain c on c.id = i.batch_id and c.state = 'open'
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
    order by s.file_upload_id, s.position
    limit d.slot_count
    for update skip locked
  ) c
  limit ${CLAIM_INPUTS_MAX}
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
      batch_version = c.version + r.rank
  from ranked r
  join wanted w on w.batch_id = r.batch_id and w.rank = r.rank
  join certain c on c.id = r.batch_id
  where s.essay_id = r.essay_id
    and s.essay_id = any (array(select essay_id from candidate))
  returning s.essay_id, s.batch_id, s.position, s.status, s.text_storage_id, s.batch_version, w.ord
), tally as materialized (
  select batch_id, count(*)::int as taken, (count(*) filter (where status = 'filled'))::int as filled
  from placed
  group by batch_id
)`;

/** Per input, parallel to them by `ord`, what it met. */
export const CLAIM_ANSWERS = `
  p.essay_id,
  p.batch_version,
  k.ord is not null or b.erased_at is not null as known,
  u.ord is not null as upload_assigned,
  coalesce(n.state, b.state) as batch_state,
  b.version as seen_version,
  c.id is not null as certain`;

export const CLAIM_SOURCES = `
from input i
left join known k on k.ord = i.ord
left join upload_assigned u on u.ord = i.ord
left join placed p on p.ord = i.ord
left join batch b on b.id = i.batch_id
left join certain c on c.id = i.batch_id
left join counted n on n.id = i.batch_id`;
