/**
 * The floor of the outbox: no row that is unpublished now, or that is written later, is due before it. Publishing
 * leaves the row's former version in the index, and an old snapshot (a dump, a replica, a forgotten session) keeps it
 * there: without a floor every look would walk over all that was published since.
 *
 * A row is due after it was appended. So what a transaction that is not over yet will show is due after the instant
 * `asked_at` of an earlier look ($2), if all transactions that had begun by then are over: `next_xid` of that look
 * is not above `oldest_xid` of this one. A reader with an old snapshot has no transaction id and holds up nothing. The
 * second is for a transaction that gets its id in the middle of its first write.
 *
 * $1 former floor timestamptz · $2 asked_at of an earlier look timestamptz
 */
export const OUTBOX_FLOOR = `
select
  least(
    $2::timestamptz - interval '1 second',
    (select due_at
       from outbox
      where published_at is null and not dead and due_at >= $1::timestamptz
      order by due_at
      limit 1)
  )::text as floor,
  statement_timestamp()::text as asked_at,
  pg_snapshot_xmin(pg_current_snapshot())::text as oldest_xid,
  pg_snapshot_xmax(pg_current_snapshot())::text as next_xid
`;
