/**
 * Takes away the marks of partitions that moved on or ended in order, as far as they are still this owner's: a late
 * clear must not wipe the mark of the next one.
 *
 * $1 consumer group text · $2 topic text[] · $3 partition int[] · $4 instance text
 */
export const CLEAR_MARKS = `
delete from partition_attempts a
using unnest($2::text[], $3::int[]) as t(topic, partition)
where a.consumer_group = $1 and a.owner = $4 and a.topic = t.topic and a.partition = t.partition
`;
