/**
 * The ordinary group in one statement that commits by itself: claims slots for contents, counts, and writes what that
 * causes to the outbox, completions included. No row is held across a round trip. Locks and guards of the claim:
 * claim-parts.ts. What got no slot is left as it was: what becomes of it takes other statements.
 *
 * A completion lists the slots that the snapshot shows and those of this statement. Nothing is missing: a batch that
 * changed since the snapshot is not certain and gives no slot. Whether it is full is read from the locked row, as by the
 * update that counts. Rows are in the compact form of contract/compact-events.ts and come back as they were written,
 * behind the answers; a large completion has one of its own. The id of a row is drawn before it is written, because its
 * batches note it in the one update that a statement can make of them. OFFSET 0 pins an index probe, as LIMIT 1 elsewhere.
 *
 * $1..$6 as in claim-parts.ts ($6 is the publisher too) · $7 correlation_id text[] · $8 traceparent text[] ·
 * $9 tracestate text[] · $10 head of the compact form text · $11 lease in milliseconds int
 */
import { CLAIM, CLAIM_ANSWERS, CLAIM_SOURCES } from '../claim-parts.ts';

/** A completion of more essays waits alone, so that only itself waits if it is refused. */
const SHARED_ROW_ESSAYS_MAX = 500;

export const ASSIGN_CONTENTS = `${CLAIM}, carried as materialized (
  select correlation_id, traceparent, tracestate, ord
  from unnest($7::text[], $8::text[], $9::text[]) with ordinality as t(correlation_id, traceparent, tracestate, ord)
), completing as materialized (
  select b.*, b.filled_count + t.filled as essay_count
  from tally t
  join certain l on l.id = t.batch_id and l.open_slots = t.taken
  cross join lateral (
    select b.id, b.expected_count, b.filled_count, b.course_code, b.user_id, b.correlation_id, b.traceparent, b.tracestate
    from batches b
    where b.id = t.batch_id
    limit 1
  ) b
), essay as materialized (
  select c.id as batch_id, s.essay_id, s.text_storage_id, s.position
  from completing c
  cross join lateral (
    select s.essay_id, s.text_storage_id, s.position
    from slots s
    where s.batch_id = c.id and s.text_storage_id is not null
    offset 0
  ) s
  union all
  select p.batch_id, p.essay_id, p.text_storage_id, p.position
  from placed p
  join completing c on c.id = p.batch_id
), essay_list as materialized (
  select batch_id, json_agg(json_build_array(essay_id, text_storage_id) order by position) as list
  from essay
  group by batch_id
), completion as materialized (
  select c.id as batch_id,
    case when c.essay_count > ${SHARED_ROW_ESSAYS_MAX} then c.id else '' end as own,
    json_build_array(c.id, c.expected_count, c.course_code, c.user_id, c.correlation_id, c.traceparent, c.tracestate,
      e.list)::text as fields
  from completing c
  join essay_list e on e.batch_id = c.id
), outbox_row as materialized (
  select r.own, nextval('outbox_id_seq') as id
  from (
    select '' as own where exists (select from placed)
    union all
    select own from completion where own <> ''
  ) r
), noted as materialized (
  select c.batch_id, r.id as outbox_id
  from completion c
  join outbox_row r on r.own = c.own
), counted as (
  update batches b
  set open_slots = b.open_slots - t.taken,
      filled_count = b.filled_count + t.filled,
      failed_count = b.failed_count + t.taken - t.filled,
      version = b.version + t.taken,
      state = case when b.open_slots = t.taken then 'complete' else b.state end,
      completed_at = case when b.open_slots = t.taken then now() end,
      completion_outbox_id = coalesce(o.outbox_id, b.completion_outbox_id)
  from tally t
  left join noted o on o.batch_id = t.batch_id
  where b.id = t.batch_id
    and b.id = any (array(select batch_id from tally))
  returning b.id, b.state
), slot_list as materialized (
  select '' as own, count(*)::int as count,
    string_agg(json_build_array(p.essay_id, i.batch_id, i.identity, i.file_upload_id, i.original_file_name,
      m.correlation_id, m.traceparent, m.tracestate)::text, ',' order by i.ord) as list
  from placed p
  join input i on i.ord = p.ord
  join carried m on m.ord = p.ord
), completion_list as materialized (
  select own, count(*)::int as count, string_agg(fields, ',' order by batch_id) as list from completion group by own
), appended as (
  insert into outbox (id, publisher, messages, message_count, due_at)
  select r.id, $6, $10 || ',"slots":[' || coalesce(s.list, '') || '],"completions":[' || coalesce(c.list, '') || ']}',
    coalesce(s.count, 0) + coalesce(c.count, 0), clock_timestamp() + $11::int * interval '1 millisecond'
  from outbox_row r
  left join slot_list s on s.own = r.own
  left join completion_list c on c.own = r.own
  returning id || '@' || (extract(epoch from created_at) * 1000000)::bigint as id, messages
)
select i.ord, ${CLAIM_ANSWERS}, null as outbox_id, null as messages
${CLAIM_SOURCES}
union all
select null, null, null, null, null, null, null, null, id, messages from appended
order by ord nulls last
`;
