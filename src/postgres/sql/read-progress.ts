/**
 * What has become of watched batches since the versions that are known, all in one snapshot. Takes no lock. Of a batch
 * that is as it is known only its row is looked at; of any other its own slots.
 *
 * $1 batch ids text[] · $2 versions bigint[] · $3 states text[], parallel
 */
export const READ_PROGRESS = `
select
  b.id,
  b.state,
  b.version::float8 as version,
  b.expected_count,
  b.open_slots,
  b.filled_count,
  b.failed_count,
  b.completed_at,
  (
    select coalesce(
      json_agg(
        json_build_array(
          s.batch_version, s.essay_id, s.position, s.status, s.text_storage_id, s.file_upload_id, s.original_file_name,
          s.assigned_at, s.assigned_by
        )
        order by s.batch_version
      ),
      '[]'::json
    )
    from slots s
    where s.batch_id = b.id and s.batch_version > w.version
  ) as slots
from unnest($1::text[], $2::bigint[], $3::text[]) as w(batch_id, version, state)
join batches b on b.id = w.batch_id
where b.version <> w.version or b.state <> w.state
`;
