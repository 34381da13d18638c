import { appendFileSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { ClientRecord } from '../../../distributed/run/client-record.ts';
import { JsonLinesWriter } from '../../../distributed/run/json-lines.ts';
import { LatencyRecorder, parseLatencyLog, percentileMs, totalOf } from '../../../distributed/run/latency-log.ts';
import type { HistoryRecord } from '../../../distributed/run/records.ts';
import { RunDirectory, runIdOf } from '../../../distributed/run/run-directory.ts';
import { decodeTopicRecord, encodeTopicRecord } from '../../../distributed/run/topic-record.ts';
import { removeSampleFolders, sampleEnvironment, sampleFolder } from '../../support/recorded/sample-run.ts';

afterAll(removeSampleFolders);

const step = (index: number): HistoryRecord => ({
  index,
  monoMs: index,
  wallMs: 1_000 + index,
  process: 'client-1',
  type: 'invoke',
  f: 'content',
  key: 'batch-1',
});

async function newRun(seed = 1, parent = sampleFolder()): Promise<RunDirectory> {
  return RunDirectory.create(parent, sampleEnvironment({ seed }));
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('a run directory', () => {
  test('a run id has time, scenario and seed and is a file name', () => {
    const startedAt = new Date('2026-08-01T10:15:00.123Z');
    expect(runIdOf(startedAt, 'race_conditions', 42)).toBe('2026-08-01T10-15-00Z-race_conditions-42');
    expect(runIdOf(startedAt, 'a,b/../c', 1)).toBe('2026-08-01T10-15-00Z-a+b+..+c-1');
  });

  test('latest links to the newest run', async () => {
    const parent = sampleFolder();
    await newRun(1, parent);
    const second = await newRun(2, parent);
    expect(readlinkSync(join(parent, 'latest'))).toBe(second.environment.runId);
    expect((await RunDirectory.open(join(parent, 'latest'))).environment.seed).toBe(2);
  });

  test('records of clients are read whichever process wrote them, and none where there were none', async () => {
    const run = await newRun();
    expect(await collect(run.readClients())).toEqual([]);
    const left = (client: string) => {
      return { monoMs: 1, wallMs: 2, client, batchId: 'batch-1', what: 'left', atRest: true } as const;
    };
    const own = run.clientWriter();
    own.append(left('own'));
    own.close();
    const distant = new JsonLinesWriter<ClientRecord>(run.clientsFile(12));
    distant.append(left('distant'));
    distant.close();
    expect(await collect(run.readClients())).toEqual([left('distant'), left('own')]);
  });

  test('a run is never written over another', async () => {
    const parent = sampleFolder();
    await newRun(1, parent);
    await expect(newRun(1, parent)).rejects.toThrow(/exists already/);
  });

  test('a folder that is no run directory is refused with its path', async () => {
    await expect(RunDirectory.open(tmpdir())).rejects.toThrow(/is not a run directory/);
  });

  test('a line is in the file when append returns', async () => {
    const run = await newRun();
    run.historyWriter().append(step(0));
    expect(readFileSync(run.file('history.jsonl'), 'utf8')).toBe(`${JSON.stringify(step(0))}\n`);
  });

  test('what is written is read again, in order', async () => {
    const run = await newRun();
    const records = Array.from({ length: 2_500 }, (_, index) => step(index));
    await run.historyWriter().appendAll(records);
    expect(await collect(run.readHistory())).toEqual(records);
  });

  test('a file that was not written is empty', async () => {
    const run = await newRun();
    expect(await collect(run.readTopic('dlq'))).toEqual([]);
    expect(await run.readResults()).toBeNull();
  });

  test('a last line cut by a kill is left out', async () => {
    const run = await newRun();
    run.historyWriter().append(step(0));
    appendFileSync(run.file('history.jsonl'), JSON.stringify(step(1)).slice(0, 20));
    expect(await collect(run.readHistory())).toEqual([step(0)]);
  });

  test('a wrong line is an error that names file, line and field', async () => {
    const run = await newRun();
    run.historyWriter().append(step(0));
    appendFileSync(run.file('history.jsonl'), `${JSON.stringify({ ...step(1), type: 'maybe' })}\n`);
    await expect(collect(run.readHistory())).rejects.toThrow(/history\.jsonl:2: type /);
    writeFileSync(run.file('history.jsonl'), 'no json\n');
    await expect(collect(run.readHistory())).rejects.toThrow(/history\.jsonl:1 is not JSON/);
  });

  test('any bytes of a record survive, text stays readable', () => {
    const bytes = fc.option(fc.uint8Array().map((array) => Buffer.from(array)));
    fc.assert(
      fc.property(bytes, bytes, (key, value) => {
        const record = { topic: 't', partition: 0, offset: '7', timestampMs: 5, key, value, headers: { a: 'b' } };
        expect(decodeTopicRecord(JSON.parse(JSON.stringify(encodeTopicRecord(record))))).toEqual(record);
      }),
    );
    const text = { topic: 't', partition: 0, offset: '7', timestampMs: 5, key: null, headers: {} };
    expect(encodeTopicRecord({ ...text, value: Buffer.from('é') }).value).toBe('é');
  });
});

describe('latencies over time', () => {
  test('histograms survive the file, interval by interval', async () => {
    const run = await newRun();
    const recorder = new LatencyRecorder();
    for (let at = 0; at < 5_000; at++) recorder.record(at / 100, 1_700_000_000_000 + at);
    await run.writeLatencies('redis', recorder.toIntervals());
    const read = (await run.readLatencies()).get('redis') ?? [];
    expect(read.map(({ startWallMs }) => startWallMs)).toEqual(
      [0, 1, 2, 3, 4].map((second) => 1_700_000_000_000 + second * 1_000),
    );
    expect(totalOf(read).totalCount).toBe(5_000);
    expect(percentileMs(totalOf(read), 50)).toBeCloseTo(25, 1);
    expect(percentileMs(totalOf(read), 99)).toBeCloseTo(49.5, 1);
  });

  test('a long run has a bounded number of intervals and loses no value', () => {
    const recorder = new LatencyRecorder();
    for (let second = 0; second < 3_000; second++) recorder.record(second, second * 1_000);
    expect(recorder.toIntervals().length).toBeLessThanOrEqual(240);
    expect(recorder.total().totalCount).toBe(3_000);
  });

  test('a file that is no histogram log is refused', () => {
    expect(() => parseLatencyLog('1,2,3,nonsense\n')).toThrow(/histogram/);
    expect(() => parseLatencyLog('nonsense\n')).toThrow(/histogram/);
  });
});
