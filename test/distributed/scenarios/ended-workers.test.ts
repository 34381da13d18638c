import { INTAKE_POINTS, OUTBOX_POINTS } from '../../../distributed/nemesis/crash-points.ts';
import { crashPoints } from '../../../distributed/scenarios/crash-points.ts';
import { inWaves, type Wave } from '../../../distributed/scenarios/ended-workers.ts';
import { outbox } from '../../../distributed/scenarios/outbox.ts';

function wavesOf(scenario: typeof outbox, workers: number): readonly Wave[] {
  const request = { seed: 1, instances: [workers], tier: 'quick', durationSeconds: null, alongside: [] } as const;
  return scenario.parts(request).flatMap(({ options }) => (options as { waves: readonly Wave[] }).waves);
}

test('a wave has a worker for each of its points, and no point is left out', () => {
  expect(inWaves(['committed', 'marked', 'produced'], 2)).toEqual([['committed', 'marked'], ['produced']]);
  for (const workers of [1, 2, 3, 5]) {
    const intake = wavesOf(crashPoints, workers);
    expect(intake.flat()).toEqual(INTAKE_POINTS);
    for (const wave of [...intake, ...wavesOf(outbox, workers)]) expect(wave.length).toBeLessThanOrEqual(workers);
    expect(new Set(wavesOf(outbox, workers).flat())).toEqual(new Set(OUTBOX_POINTS));
  }
});

test('rows are taken over by the last worker that is left', () => {
  expect(wavesOf(outbox, 3).at(-1)).toEqual(['row offered', 'row offered', 'rows taken']);
});
