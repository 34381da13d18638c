/**
 * What the completions of batches list: exactly the filled slots, by position. Runs in the transaction that completed
 * them, on a fresh snapshot, while their rows are locked.
 *
 * $1 batch ids text[]
 */
export const READ_COMPLETIONS = `
select b.id, b.expected_count, b.course_code, b.user_id, b.correlation_id, b.traceparent, b.tracestate, e.essays
from batches b
cross join lateral (
  select json_agg(json_build_array(s.essay_id, s.text_storage_id) order by s.position) as essays
  from slots s
  where s.batch_id = b.id and s.text_storage_id is not null
) e
where b.id = any ($1::text[]) and b.state = 'complete'
`;
