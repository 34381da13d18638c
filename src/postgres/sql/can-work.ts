/**
 * What keeps the work from being done on a server that answers, in a few words; null when nothing does. It takes no lock
 * and reads catalogs only, so it is quick on a server that is busy, and it needs no right of its own.
 */
export const CAN_WORK = `
select case
  when pg_is_in_recovery() then 'read-only standby'
  when current_setting('transaction_read_only') = 'on' then 'read-only'
  else (
    select coalesce(
      'tables are missing: ' || string_agg(distinct t.name, ', ') filter (where to_regclass(t.name) is null),
      'no right to write: ' || string_agg(t.privilege || ' on ' || t.name, ', ' order by t.name, t.privilege)
        filter (where not has_table_privilege(to_regclass(t.name), t.privilege))
    )
    from (values
      ('batches', 'select'), ('batches', 'insert'), ('batches', 'update'),
      ('slots', 'select'), ('slots', 'insert'), ('slots', 'update'),
      ('pending_inputs', 'select'), ('pending_inputs', 'insert'), ('pending_inputs', 'delete'),
      ('excess_contents', 'insert'), ('failures', 'insert'),
      ('outbox', 'select'), ('outbox', 'insert'), ('outbox', 'update'), ('outbox', 'delete')
    ) t (name, privilege)
  )
end as reason
`;
