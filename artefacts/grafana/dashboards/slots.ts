/** What becomes of the inputs, and how long an assignment takes. */
import { OPERATING_LIMITS, TARGETS } from '../../targets.ts';
import { type DashboardRow, frame } from '../frame.ts';
import { chart } from '../panels.ts';
import { average, quantile, rareTotal, rate, shared } from '../queries.ts';

export const slots = () =>
  frame({
    uid: 'els-slots',
    title: 'slots and batches',
    description:
      'Inputs by disposition, batches by state, assignment transactions and the certainty of their first look.',
    choices: ['topic'],
    rows: [batches, assignments],
  });

const batches: DashboardRow = {
  title: 'Inputs and batches',
  panels: [
    chart({
      title: 'Dispositions',
      description: 'What became of the inputs of the chosen topics. Every record has exactly one disposition (G3).',
      unit: 'perSecond',
      queries: [
        {
          expr: rate('els_inputs_total', { by: ['disposition'], where: 'topic=~"$topic"' }),
          legend: '{{disposition}}',
        },
      ],
    }),
    chart({
      title: 'Unfinished batches',
      description: 'Open: registered with open slots. Announced: something came before the registration.',
      unit: 'count',
      queries: [{ expr: shared('els_batches', { by: ['state'] }), legend: '{{state}}' }],
    }),
    chart({
      title: 'Oldest unfinished batch',
      description:
        'Age of the oldest batch that is open, or announced and never registered: see els batch list. Red: longer than any should be open.',
      unit: 'seconds',
      queries: [{ expr: shared('els_batch_oldest_age_seconds', { by: ['state'] }), legend: '{{state}}' }],
      limits: { warn: OPERATING_LIMITS.announcedAgeSecondsMax, bad: OPERATING_LIMITS.openAgeSecondsMax },
    }),
    chart({
      title: 'Completions',
      description: 'Batches whose completion Kafka has acknowledged, per minute, by worker.',
      unit: 'perMinute',
      queries: [
        { expr: `60 * ${rate('els_completion_latency_seconds_count', { by: ['instance'] })}`, legend: '{{instance}}' },
      ],
    }),
    chart({
      title: 'Batches erased',
      description: 'Completed batches past the retention, of which a tombstone is left.',
      unit: 'perSecond',
      queries: [{ expr: rate('els_batches_erased_total'), legend: 'batches per second' }],
    }),
    chart({
      title: 'Completion latency',
      description:
        'From receipt of the input that completed a batch to the acknowledged completion. Yellow: what is aimed at, at half capacity; red: what is promised.',
      unit: 'seconds',
      queries: [0.5, 0.95, 0.99].map((share) => ({
        expr: quantile(share, 'els_completion_latency_seconds'),
        legend: `P${share * 100}`,
      })),
      limits: { warn: TARGETS.completionP99SecondsMax, bad: TARGETS.coordinationSecondsMax },
    }),
    chart({
      title: 'Inputs waiting for a registration',
      description: 'Slot inputs of batches that are not registered yet; none may wait once they are (G6).',
      unit: 'count',
      queries: [{ expr: shared('els_pending_inputs'), legend: 'inputs' }],
    }),
    chart({
      title: 'Oldest waiting input',
      description: 'Age of the oldest pending input. Old ones mean a registration that never came.',
      unit: 'seconds',
      queries: [{ expr: shared('els_pending_oldest_age_seconds'), legend: 'age' }],
      limits: { bad: OPERATING_LIMITS.pendingAgeSecondsMax },
    }),
    chart({
      title: 'Impossible states repaired',
      description: 'Repairs of the reconciler by kind. Anything above zero is an alert (G4, G6).',
      unit: 'count',
      queries: [{ expr: rareTotal('els_reconciler_repairs_total', 'kind'), legend: '{{kind}}' }],
      limits: { bad: TARGETS.reconcilerRepairsMax + 1 },
    }),
  ],
};

/** Absent until the first conflict. */
const conflicts = rate('els_retries_total', { where: 'reason=~"conflict|conflict_locked"' });

const assignments: DashboardRow = {
  title: 'Assignment transactions',
  panels: [
    chart({
      title: 'Duration',
      description: 'One assignment transaction from begin to commit.',
      unit: 'seconds',
      queries: [0.5, 0.95, 0.99].map((share) => ({
        expr: quantile(share, 'els_claim_duration_seconds'),
        legend: `P${share * 100}`,
      })),
      limits: { bad: TARGETS.databaseOperationAverageSecondsMax },
    }),
    chart({
      title: 'Inputs per transaction',
      description: 'Larger groups under load carry more inputs for one commit.',
      unit: 'count',
      queries: [
        { expr: average('els_claim_inputs'), legend: 'average' },
        { expr: quantile(0.95, 'els_claim_inputs'), legend: 'P95' },
      ],
    }),
    chart({
      title: 'Busy batches and conflicts',
      description:
        'Share of inputs whose batch was in other hands, and of transactions that met a conflict. Both only cost time (G1, G5).',
      unit: 'share',
      queries: [
        { expr: `${rate('els_claims_undecided_total')} / ${rate('els_claim_inputs_sum')}`, legend: 'busy' },
        { expr: `(${conflicts} or vector(0)) / ${rate('els_claim_inputs_count')}`, legend: 'conflicts' },
      ],
      limits: { warn: OPERATING_LIMITS.conflictShareMax, bad: OPERATING_LIMITS.undecidedShareMax },
    }),
    chart({
      title: 'Parked batches',
      description:
        'Batches that wait for somebody to let go of them, and how often batches were put off. A few for milliseconds are ordinary traffic; one for minutes is a session that holds a row.',
      unit: 'count',
      queries: [
        { expr: shared('els_parked_batches'), legend: 'parked' },
        { expr: rate('els_batches_parked_total', { by: ['because'] }), legend: 'put off, {{because}}, per second' },
      ],
    }),
    chart({
      title: 'Longest held batch',
      description: 'How long the batch that has waited longest has been in other hands. Red: somebody should look.',
      unit: 'seconds',
      queries: [{ expr: shared('els_parked_batch_oldest_age_seconds'), legend: 'longest' }],
      limits: { bad: OPERATING_LIMITS.heldBatchSecondsMax },
    }),
  ],
};
