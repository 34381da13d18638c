import { Command } from 'commander';
import { countUpstreams } from '../../../distributed/compose/compose-checks.ts';
import { describeState, isWell, parseServiceStates } from '../../../distributed/compose/docker-facts.ts';
import { addLoadOptions, readLoadOptions } from '../../../distributed/generator/command-options.ts';
import { DEFAULT_LOAD } from '../../../distributed/generator/load-options.ts';
import { generatorArguments, loadOf } from '../../../distributed/scenarios/docker-compose.ts';

test('a request counts for the upstream that answered it last, and one without for none', () => {
  const log = [
    '2026-01-01T00:00:00+00:00 upstream="172.18.0.7:3000" status=200 seconds=0.010 "GET /health HTTP/1.1"',
    '2026-01-01T00:00:00+00:00 upstream="172.18.0.8:3000, 172.18.0.7:3000" status=200 seconds=0.010 "GET / HTTP/1.1"',
    '2026-01-01T00:00:01+00:00 upstream="172.18.0.8:3000" status=404 seconds=0.010 "GET / HTTP/1.1"',
    '2026-01-01T00:00:01+00:00 upstream="-" status=502 seconds=0.010 "GET / HTTP/1.1"',
    '2026/01/01 00:00:01 [error] something else',
  ].join('\n');
  const { byAddress, unanswered } = countUpstreams(log);
  expect([...byAddress]).toEqual([
    ['172.18.0.7', 2],
    ['172.18.0.8', 1],
  ]);
  expect(unanswered).toBe(1);
});

const state = { Name: 'p-worker-1', Service: 'worker', State: 'running', Health: 'healthy', ExitCode: 0 };

test('states are read from lines and from an array', () => {
  const other = { ...state, Name: 'p-worker-2' };
  expect(parseServiceStates(`${JSON.stringify(state)}\n${JSON.stringify(other)}\n`)).toEqual([state, other]);
  expect(parseServiceStates(JSON.stringify([state, other]))).toEqual([state, other]);
  expect(parseServiceStates('')).toEqual([]);
});

test.each([
  [state, true, 'healthy'],
  [{ ...state, Health: 'starting' }, false, 'starting'],
  [{ ...state, Health: 'unhealthy' }, false, 'unhealthy'],
  [{ ...state, Health: '' }, true, 'running'],
  [{ ...state, State: 'exited', Health: '' }, true, 'exited 0'],
  [{ ...state, State: 'exited', Health: '', ExitCode: 78 }, false, 'exited 78'],
  [{ ...state, State: 'restarting', Health: '' }, false, 'restarting'],
])('%j is well: %s, and called %s', (each, well, description) => {
  expect([isWell(each), describeState(each)]).toEqual([well, description]);
});

test.each([null, 30])('the generator is told every option of the load (duration %s)', (durationSeconds) => {
  const load = loadOf({ seed: 42, tier: 'quick', durationSeconds });
  const command = addLoadOptions(new Command(), DEFAULT_LOAD);
  command.parse(generatorArguments(load), { from: 'user' });
  const { startAtMs: _startAtMs, ...told } = readLoadOptions(command, DEFAULT_LOAD);
  expect(told).toEqual(load);
});
