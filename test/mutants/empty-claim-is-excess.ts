import { runMutant } from '../support/worker/mutant-worker.ts';

/** M5: no slot to be had without waiting is taken for "the batch is full". Violates I8. */
void runMutant({
  statements: {
    'claim-slots': [
      [
        'coalesce(c.state, b.state) as batch_state',
        "case when p.ord is null and b.state = 'open' then 'complete' else coalesce(c.state, b.state) end as batch_state",
      ],
    ],
  },
});
