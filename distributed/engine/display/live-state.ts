/**
 * How far the service is, for people to watch. Nothing here is judged: the judge reads tables and topics afterwards.
 */
export interface LiveState {
  readonly announced: number;
  readonly open: number;
  readonly complete: number;
  readonly filled: number;
  readonly burnt: number;
  readonly excess: number;
  readonly pending: number;
  readonly unpublished: number;
  readonly duplicates: number;
  readonly lag: number;
  /** Slots taken by each worker. */
  readonly shares: ReadonlyMap<string, number>;
}

export type Counts = Omit<LiveState, 'duplicates' | 'lag' | 'shares'>;

/** Totals over all tables as one row of `Counts`. */
export const COUNTS = `
  select count(*) filter (where state = 'announced')::int as announced,
         count(*) filter (where state = 'open')::int as open,
         count(*) filter (where state = 'complete')::int as complete,
         coalesce(sum(filled_count), 0)::int as filled,
         coalesce(sum(failed_count), 0)::int as burnt,
         (select count(*)::int from excess_contents) as excess,
         (select count(*)::int from pending_inputs) as pending,
         (select count(*)::int from outbox where published_at is null and not dead) as unpublished
    from batches`;
