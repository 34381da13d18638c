import { RACES } from '../../../distributed/judge/races/count-races.ts';
import { GROUPS, SCENARIOS } from '../../../distributed/scenarios/catalogue.ts';

const REQUEST = { seed: 1, instances: [3], durationSeconds: null, alongside: [] };

test('every scenario that was asked for is there, under its own name', () => {
  const names = SCENARIOS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(
    expect.arrayContaining([
      'race_conditions',
      'completion',
      'idempotency',
      'early_content',
      'validation_failures',
      'redis_consistency',
      'bad_input',
      'performance',
      'scaling',
      'memory',
      'sustained',
      'crash',
      'zombie',
      'rolling_restart',
    ]),
  );
});

test('a group has a name of its own and names scenarios that there are', () => {
  const names = SCENARIOS.map(({ name }) => name);
  for (const [group, members] of Object.entries(GROUPS)) {
    expect(names).not.toContain(group);
    expect(names).toEqual(expect.arrayContaining([...members]));
  }
});

describe.each(SCENARIOS)('$name', (scenario) => {
  test('says its goal and its method', () => {
    expect(scenario.goal).toMatch(/\.$/);
    expect(scenario.method).toMatch(/\.$/);
  });

  test.each(['quick', 'full'] as const)('has parts in the %s tier, each with a name good for a folder', (tier) => {
    const instances = [1, 3];
    const parts = scenario.parts({ ...REQUEST, instances, tier });
    expect(parts.length).toBeGreaterThan(0);
    const names = parts.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const part of parts) {
      expect(part.name).toMatch(/^[a-z0-9-]+$/);
      expect(part.workers).toBeGreaterThan(0);
      expect(Object.keys(part.races ?? {}).filter((race) => !(race in RACES))).toEqual([]);
    }
  });
});

test('performance measures every promised target, scaling and memory only where the run does not have them', () => {
  const performance = SCENARIOS.find(({ name }) => name === 'performance');
  const namesOf = (alongside: readonly string[]) =>
    performance?.parts({ ...REQUEST, tier: 'quick', alongside }).map(({ name }) => name);
  expect(namesOf(['performance'])).toEqual([
    'steady',
    'capacity-1',
    'capacity-3',
    'capacity-5',
    'slots-10',
    'slots-10000',
  ]);
  expect(namesOf(['performance', 'scaling', 'memory'])).toEqual(['steady']);
});
