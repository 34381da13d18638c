/**
 * Unpublished rows for an operator: those given up first, then those whose turn is next. Walks two partial indexes,
 * which hold nothing else, as far as the limit. Their messages are whole ones, or in the form of contract/compact-events.ts.
 *
 * $1 rows at most int
 */
export const LIST_OUTBOX = `
select o.id::text, o.dead, o.attempts, o.publisher, o.last_error, o.acknowledged, o.message_count,
  (extract(epoch from now() - o.created_at) * 1000)::float8 as age_ms,
  (extract(epoch from o.due_at - now()) * 1000)::float8 as due_in_ms,
  case left(o.messages, 1)
    when '[' then array(select distinct m ->> 'topic' from json_array_elements(o.messages::json) m order by 1)
    else array_remove(array[
      case when o.messages::json #>> '{completions,0}' <> '' then o.messages::json #>> '{topics,completed}' end,
      case when o.messages::json #>> '{slots,0}' <> '' then o.messages::json #>> '{topics,slotAssigned}' end
    ], null)
  end as topics
from (
  (select * from outbox where dead order by id limit $1::int)
  union all
  (select * from outbox where published_at is null and not dead order by due_at limit $1::int)
) o
limit $1::int
`;
