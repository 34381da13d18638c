/**
 * State of a locked batch.
 *
 * $1 batch id text
 */
export const READ_STATE = `select state from batches where id = $1`;
