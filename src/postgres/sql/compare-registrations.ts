/**
 * What stands against each registration: another one of the same batch, or essay ids that are slots of another batch.
 * The caller holds the batch rows.
 *
 * $1 batch ids text[] · $2 essay ids text[] · $3 batch id of each essay text[]
 */
export const COMPARE_REGISTRATIONS = `
select b.id, b.registration_digest, coalesce(t.taken, 0)::int as taken
from batches b
left join (
  select e.batch_id, count(*) as taken
  from unnest($2::text[], $3::text[]) as e(essay_id, batch_id)
  cross join lateral (
    select s.batch_id from slots s where s.essay_id = e.essay_id and s.batch_id <> e.batch_id limit 1
  ) s
  group by e.batch_id
) t on t.batch_id = b.id
where b.id = any ($1::text[])
`;
