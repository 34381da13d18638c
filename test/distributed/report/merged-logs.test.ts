import { appendFileSync } from 'node:fs';
import { formatLogEntry, type LogFilter, mergedLogs } from '../../../distributed/report/merged-logs.ts';
import type { RunDirectory } from '../../../distributed/run/run-directory.ts';
import { removeSampleFolders, sampleRun } from '../../support/recorded/sample-run.ts';

afterAll(removeSampleFolders);

async function linesOf(run: RunDirectory, filter: LogFilter): Promise<string[]> {
  const lines: string[] = [];
  for await (const entry of mergedLogs(run, filter)) lines.push(formatLogEntry(entry));
  return lines;
}

function log(run: RunDirectory, process: string, fields: object): void {
  appendFileSync(run.logFile(process), `${JSON.stringify({ level: 'info', msg: 'said', ...fields })}\n`);
}

describe('merged logs', () => {
  test('are all processes in order of time', async () => {
    const run = await sampleRun();
    const times = (await linesOf(run, {})).map((line) => line.slice(0, 12));
    expect(times).toHaveLength(18);
    expect(times).toEqual([...times].sort());
  });

  test('of a batch are the lines that name it, each with its process', async () => {
    const run = await sampleRun();
    expect(await linesOf(run, { batchId: 'batch-1' })).toEqual([
      '10:15:05.003 worker-1 info  group committed batchId=batch-1 correlationId=correlation-1',
      '10:15:05.004 worker-2 info  group committed batchId=batch-1 correlationId=correlation-1',
      '10:15:05.005 worker-3 info  group committed batchId=batch-1 correlationId=correlation-1',
    ]);
  });

  test('of a correlation are found in lists, in other spellings and at any depth', async () => {
    const run = await sampleRun();
    const time = '2026-08-01T10:15:20.000Z';
    log(run, 'worker-1', { time, inputs: [{ correlation_id: 'c-9' }] });
    log(run, 'worker-2', { time, correlationIds: ['c-8', 'c-9'] });
    log(run, 'worker-3', { time, other: 'c-9' });
    const lines = await linesOf(run, { correlationId: 'c-9' });
    expect(lines.map((line) => line.slice(13, 21))).toEqual(['worker-1', 'worker-2']);
  });

  test('of a trace are the lines that name it', async () => {
    const run = await sampleRun();
    const time = '2026-08-01T10:15:20.000Z';
    log(run, 'worker-1', { time, traceId: 't-9', batchId: 'b-9' });
    log(run, 'worker-2', { time, batchId: 't-9' });
    expect(await linesOf(run, { traceId: 't-9' })).toEqual([
      '10:15:20.000 worker-1 info  said traceId=t-9 batchId=b-9',
    ]);
  });

  test('a line that is not JSON stays behind the line it follows and is kept when it has the id', async () => {
    const run = await sampleRun();
    log(run, 'worker-1', { time: Date.parse('2026-08-01T10:15:21.000Z'), level: 50, batchId: 'b-9' });
    appendFileSync(run.logFile('worker-1'), 'Error: batch b-9\n    at place\n');
    expect(await linesOf(run, { batchId: 'b-9' })).toEqual([
      '10:15:21.000 worker-1 error said batchId=b-9',
      '10:15:21.000 worker-1 Error: batch b-9',
    ]);
  });

  test('of nothing known are none', async () => {
    expect(await linesOf(await sampleRun(), { batchId: 'batch-77' })).toEqual([]);
  });
});
