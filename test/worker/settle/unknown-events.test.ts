import { createLogger } from '../../../src/telemetry/logger.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { UnknownEvents } from '../../../src/worker/settle/unknown-events.ts';

const RECORD = { topic: 'content' };

function unknownEvents() {
  const lines: { eventType: string }[] = [];
  const log = createLogger({ level: 'warn', instance: 'test' }, { write: (line) => lines.push(JSON.parse(line)) });
  const metrics = new Metrics();
  const events = new UnknownEvents({ metrics, log });
  const pass = (eventType: string) =>
    events.passOver({ kind: 'ignored', why: 'unknown_event_type', eventType }, RECORD);
  return { lines, metrics, events, pass };
}

test('each type is counted always and warned about once; a tombstone is neither', async () => {
  const { lines, metrics, events, pass } = unknownEvents();
  expect(pass('typo.v1')).toBe('ignored');
  pass('typo.v1');
  pass('other.v1');
  events.passOver({ kind: 'ignored', why: 'tombstone' }, RECORD);
  expect(lines.map(({ eventType }) => eventType)).toEqual(['typo.v1', 'other.v1']);
  const { values } = await metrics.unknownEvents.get();
  expect(values.map(({ labels, value }) => [labels.event_type, value])).toEqual([
    ['typo.v1', 2],
    ['other.v1', 1],
  ]);
});

test('whatever producers invent, labels and warnings stay few and harmless', async () => {
  const { lines, metrics, pass } = unknownEvents();
  for (let count = 0; count < 1000; count += 1) pass(`type-${count}`);
  pass(`\u001b[2J"${'x'.repeat(5000)}`);
  expect(lines).toHaveLength(20);
  const { values } = await metrics.unknownEvents.get();
  expect(values).toHaveLength(21);
  expect(values.at(-1)).toMatchObject({ labels: { event_type: 'other' }, value: 981 });
});
