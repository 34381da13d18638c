/**
 * Makes tombstones of batches that completed long ago: their rows forget whose they were, and from this commit on speak
 * for every input of theirs, so that what they had can be deleted bit by bit and a replay meets no gap. A batch whose
 * completion is not published keeps everything. Returns the ids.
 *
 * Locks: batch rows with SKIP LOCKED, for the length of this statement.
 *
 * $1 age in milliseconds bigint · $2 batches at most int
 */
export const MARK_ERASED = `
with old as materialized (
  select b.id
  from batches b
  left join lateral (
    select 1 as is_there from outbox o where o.id = b.completion_outbox_id and o.published_at is null limit 1
  ) o on true
  where b.state = 'complete' and b.erased_at is null
    and b.completed_at < now() - $1::bigint * interval '1 millisecond'
    and o.is_there is null
  order by b.completed_at
  limit $2::int
  for update of b skip locked
)
update batches b
set erased_at = now(),
    erasing = true,
    course_code = null,
    user_id = null,
    org_id = null,
    class_id = null,
    student_prompt_ref = null,
    correlation_id = null,
    traceparent = null,
    tracestate = null
from old
where b.id = old.id and b.id = any (array(select id from old))
returning b.id
`;
