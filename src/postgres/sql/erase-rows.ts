/**
 * Deletes some rows of one tombstone, from each table as many at most, and ends its erasure when none was left. Returns
 * how many it deleted; nothing when no batch is being erased.
 *
 * Locks: the batch row with SKIP LOCKED, so that nobody else erases it, then the rows, which nobody else touches: every
 * input of a tombstone is known before it gets that far.
 *
 * $1 rows of each table at most int
 */
export const ERASE_ROWS = `
with batch as materialized (
  select b.id from batches b where b.erasing order by b.id limit 1 for update skip locked
), erased_slots as (
  delete from slots s
  where s.essay_id = any (array(
    select s.essay_id from slots s where s.batch_id = (select id from batch) limit $1::int
  ))
  returning 1
), erased_failures as (
  delete from failures f
  where f.batch_id = (select id from batch) and f.file_upload_id = any (array(
    select f.file_upload_id from failures f where f.batch_id = (select id from batch) limit $1::int
  ))
  returning 1
), erased_excess as (
  delete from excess_contents e
  where e.batch_id = (select id from batch) and e.text_storage_id = any (array(
    select e.text_storage_id from excess_contents e where e.batch_id = (select id from batch) limit $1::int
  ))
  returning 1
), erased as materialized (
  select ((select count(*) from erased_slots) + (select count(*) from erased_failures)
    + (select count(*) from erased_excess))::int as count
), ended as (
  update batches b
  set erasing = false
  from erased e
  where b.id = (select id from batch) and e.count = 0
)
select b.id, e.count from batch b, erased e
`;
