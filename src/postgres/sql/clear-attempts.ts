/**
 * Forgets partitions that moved on or were handed over.
 *
 * $1 consumer group text · $2 topic text[] · $3 partition int[]
 */
export const CLEAR_ATTEMPTS = `
delete from partition_attempts a
using unnest($2::text[], $3::int[]) as t(topic, partition)
where a.consumer_group = $1 and a.topic = t.topic and a.partition = t.partition
`;
