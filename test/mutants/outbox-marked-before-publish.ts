import { runMutant } from '../support/mutant-worker.ts';

/** M10: rows are born as published; what a killed worker had not sent is never sent. Violates I6. */
void runMutant({
  statements: {
    'append-outbox': [
      ['(publisher, messages, message_count, due_at)', '(publisher, messages, message_count, due_at, published_at)'],
      ["interval '1 millisecond')", "interval '1 millisecond', now())"],
    ],
  },
});
