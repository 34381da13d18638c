/**
 * Turns announced batches into open ones with their slots; the caller holds the batch rows and has compared them. An
 * essay id that became a slot of another batch meanwhile fails the statement (23505). The array pins an index probe: the
 * join alone would read every batch there is.
 *
 * $1 batch id text[] · $2 slot count int[] · $3 course_code text[] · $4 user_id text[] · $5 org_id text[] ·
 * $6 class_id text[] · $7 student_prompt_ref json text[] · $8 correlation_id text[] · $9 traceparent text[] ·
 * $10 registration_digest text[] · $11 essay ids text[] · $12 batch id of each essay text[] · $13 position int[] ·
 * $14 tracestate text[]
 */
export const REGISTER_BATCHES = `
with registration as materialized (
  select * from unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $14::text[])
    as t(id, slot_count, course_code, user_id, org_id, class_id, student_prompt_ref, correlation_id, traceparent, digest, tracestate)
), registered as (
  update batches b
  set state = 'open',
      expected_count = r.slot_count,
      open_slots = r.slot_count,
      course_code = r.course_code,
      user_id = r.user_id,
      org_id = r.org_id,
      class_id = r.class_id,
      student_prompt_ref = r.student_prompt_ref::json,
      correlation_id = r.correlation_id,
      traceparent = r.traceparent,
      tracestate = r.tracestate,
      registration_digest = r.digest,
      registered_at = now()
  from registration r
  where b.id = r.id and b.state = 'announced'
    and b.id = any ($1::text[])
)
insert into slots (essay_id, batch_id, position)
select essay_id, batch_id, position
from unnest($11::text[], $12::text[], $13::int[]) as e(essay_id, batch_id, position)
order by essay_id
`;
