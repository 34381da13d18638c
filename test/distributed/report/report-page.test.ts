import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { nameOfTopic } from '../../../distributed/report/gather-plots.ts';
import { embedJson, html } from '../../../distributed/report/html.ts';
import type { ReportData } from '../../../distributed/report/report-data.ts';
import { buildReport, writeReport } from '../../../distributed/report/report-page.ts';
import { findSlowBatches } from '../../../distributed/report/slow-batches.ts';
import type { Part, Results } from '../../../distributed/run/results.ts';
import { RunDirectory } from '../../../distributed/run/run-directory.ts';
import {
  removeSampleFolders,
  type SampleOptions,
  STARTED_AT_MS,
  sampleFolder,
  sampleRun,
} from '../../support/recorded/sample-run.ts';

afterAll(removeSampleFolders);

const HOSTILE = '</script><script>alert(1)</script><!-- "\'&.docx';

async function pageOf(options: SampleOptions = {}): Promise<string> {
  return buildReport(await sampleRun(options));
}

/** The page without its script and styles, up to the plots: what an assertion may print when it fails. */
function textOf(page: string): string {
  return (
    page.slice(page.indexOf('<main>'), page.indexOf('id="over-time"')) +
    page.slice(page.search(/<section id="(further|facts)"/), page.indexOf('</main>'))
  );
}

function dataOf(page: string): ReportData {
  const json = /<script type="application\/json" id="report-data">(.*?)<\/script>/s.exec(page)?.[1] ?? '';
  return JSON.parse(json) as ReportData;
}

describe('report.html', () => {
  test('is one file that asks the network for nothing', async () => {
    const run = await sampleRun();
    const page = await readFile(await writeReport(run), 'utf8');
    expect(/Content-Security-Policy" content="default-src &#39;none&#39;/.test(page)).toBe(true);
    expect(/<(link|script|img|iframe)[^>]+(src|href)="(?!data:)/.exec(page)).toBeNull();
    expect(/url\(\s*["']?https?:/.exec(page)).toBeNull();
  });

  test('states the verdict before anything else, in words and with a sign', async () => {
    const verdictAt = async (options: SampleOptions) => {
      const page = await pageOf(options);
      const verdict = /<span class="sign" aria-hidden="true">(.)<\/span> <span id="verdict">(\w+)</.exec(page);
      expect(verdict?.index).toBeLessThan(page.indexOf('id="invariants"'));
      return `${verdict?.[1]} ${verdict?.[2]}`;
    };
    expect(await verdictAt({})).toBe('✓ valid');
    expect(await verdictAt({ broken: ['I1'] })).toBe('✗ invalid');
    expect(await verdictAt({ racesSeen: 3 })).toBe('? unknown');
  });

  test('shows a broken invariant first, opened, with what it judged, its evidence and its timeline', async () => {
    const page = await pageOf({ broken: ['I3'] });
    expect(page.indexOf('id="I3"')).toBeLessThan(page.indexOf('<details class="passed'));
    expect(page.indexOf('<details class="passed')).toBeLessThan(page.indexOf('id="I1"'));
    const check = page.slice(page.indexOf('id="I3"'), page.indexOf('id="I1"'));
    expect(check).toMatch(/^id="I3" open>/);
    expect(check).toContain('27\u202f911 judged');
    expect(check).toContain('<code>audit 131</code>');
    expect(check).toMatch(/\+7\.5 ms<\/td><td>worker-3/);
  });

  test('shows races against what was needed, gates against their target and a gate that could not be measured', async () => {
    const page = await pageOf({ isSaturated: true });
    const text = textOf(page);
    expect(text).toMatch(/two or more instances at once<\/th><td class="number">311<\/td>\s*<td class="number">20</);
    expect(text).toMatch(/24 ms<\/td>\s*<td class="number">&lt; 50 ms/);
    expect(text).toContain('not measurable: the host is saturated');
    expect(text).toContain('exit code 4');
  });

  test('cannot be broken by what it shows', async () => {
    const page = await pageOf({ broken: ['I1'], fileName: HOSTILE });
    expect(page.includes('<script>alert')).toBe(false);
    expect(textOf(page)).toContain('&lt;/script&gt;&lt;script&gt;alert(1)');
    expect(page.match(/<\/script>/g)).toHaveLength(2);
  });

  test('has the command that repeats the run', async () => {
    expect(textOf(await pageOf({ seed: 77 }))).toMatch(/<pre[^>]*><code>pnpm test:distributed [^<]*--seed 77</);
  });

  test('shows each part of a run of several with its own judgement', async () => {
    const run = await sampleRun();
    const results = (await run.readResults()) as Results;
    const { checks, races, gates, numbers, durationMs } = results;
    const part = { name: 'hot_batch', verdict: 'unknown' as const, durationMs, checks, races, gates, numbers };
    await run.writeResults({ ...results, verdict: 'unknown', checks: [], parts: [part] });
    const page = await buildReport(run);
    expect(textOf(page)).toMatch(/<a href="#part-hot_batch">/);
    expect(textOf(page)).toContain('id="hot_batch-I1"');
  });

  test('tells of each fault whom it hit, who noticed when and when work was normal again, each with its limit', async () => {
    const run = await sampleRun();
    const results = (await run.readResults()) as Results;
    const open = { limitMs: null, answer: 'not judged' as const };
    const fault = {
      fault: 'redis-hang',
      target: HOSTILE,
      fromMs: STARTED_AT_MS + 15_000,
      untilMs: STARTED_AT_MS + 30_000,
      partitions: 3,
      noticed: { afterMs: 2_500, limitMs: 10_000, answer: 'met' as const, note: 'last of worker-1, worker-2' },
      alerted: { afterMs: 20_000, isAtLeast: true as const, limitMs: 10_000, answer: 'missed' as const, note: 'none' },
      recovered: { ...open, from: 'end' as const, afterMs: 1_000, note: 'another fault began before' },
    };
    const quiet = {
      ...fault,
      untilMs: null,
      partitions: 0,
      noticed: { ...open, afterMs: null, note: 'nobody has to' },
    };
    await run.writeResults({ ...results, faults: [fault, quiet] });
    const page = await buildReport(run);
    const section = textOf(page).slice(textOf(page).indexOf('<section id="faults">'));
    const rows = section.slice(0, section.indexOf('</tbody>')).split('<tr>').slice(2);
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatch(/F1 redis-hang.*&lt;\/script&gt;[\s\S]*15\.0 s.*until 30\.0 s[\s\S]*3 partitions/);
    expect(rows[0]).toMatch(/✓<\/span> met<\/span> <span class="at">2\.5 s<\/span> ≤ 10 s.*last of worker-1, worker-2/);
    expect(rows[0]).toMatch(/✗<\/span> missed<\/span> <span class="at">&gt; 20 s<\/span> ≤ 10 s/);
    expect(rows[0]).toMatch(
      /not judged<\/span> <span class="at">1 s<\/span>.*from its end; another fault began before/,
    );
    expect(rows[1]).toMatch(/F2 [\s\S]*not mended[\s\S]*<td>nothing<\/td>[\s\S]*nobody has to/);
    // Drawn on one scale: what was never seen has no sign.
    const [first = ''] = /<ol class="batches">.*?<\/li>/s.exec(section) ?? [];
    expect(first).toMatch(/<b style="left:15\.63%">◆<\/b><b style="left:100\.00%">●<\/b>/);
    expect(first).not.toContain('▲');
    expect(page).toMatch(/<nav[^>]*>.*<a href="#faults">Faults<\/a>/);
    const { durationMs, checks, races, gates, numbers } = results;
    const judged = { durationMs, checks, races, gates, numbers };
    const part: Part = { ...judged, name: 'one', verdict: 'valid', faults: [fault] };
    await run.writeResults({ ...results, checks: [], parts: [part, { ...part, name: 'two' }] });
    const whole = await buildReport(run);
    expect(whole.slice(whole.indexOf('<section id="two-faults">'))).toContain('F2 redis-hang');
  });

  test('folds what held, with the number of checks and of operations', async () => {
    const text = textOf(await pageOf());
    expect(text).toMatch(/<details class="passed good"><summary>.*\d+ checks held over [\d\u202f]+ operations judged/);
    expect(text).not.toContain('class="passed good" open');
  });

  test('begins with how much and how late, for the run and for each part that was measured', async () => {
    const run = await sampleRun();
    expect(textOf(await buildReport(run))).toMatch(
      /last content to completion<\/dt><dd>40<\/dd><dd class="beside">1\.\d+ \/s/,
    );
    const results = (await run.readResults()) as Results;
    const { checks, races, gates, durationMs } = results;
    const part = {
      name: 'hot',
      verdict: 'valid' as const,
      durationMs,
      checks,
      races,
      gates,
      numbers: {},
      directory: '.',
    };
    await run.writeResults({ ...results, checks: [], parts: [part, { ...part, name: 'lost', directory: 'nowhere' }] });
    const table = /<section id="parts">.*?<\/section>/s.exec(await buildReport(run))?.[0] ?? '';
    expect(table.match(/<td class="number">40<\/td>/g)).toHaveLength(1);
  });

  test('is compared with the previous run of the same scenario, and with no other', async () => {
    const parent = sampleFolder();
    await sampleRun({ seed: 1 }, parent);
    const run = await sampleRun({ seed: 2, slowness: 3 }, parent);
    const text = textOf(await buildReport(run));
    expect(text).toMatch(/id="previous"[\s\S]*Compared with [^:]*race_conditions-1: \d+ differences? beyond noise/);
    expect(text).toMatch(/P99<\/th>.*✗<\/span> worse/);
    expect(text).toMatch(/pnpm test:distributed compare \S+race_conditions-1 \S+race_conditions-2/);
    await writeFile(run.file('env.json'), JSON.stringify({ ...run.environment, instances: 5 }));
    expect(await buildReport(await RunDirectory.open(run.path))).not.toContain('id="previous"');
  });

  test('says what races need nothing, and options in words', async () => {
    const run = await sampleRun();
    const results = (await run.readResults()) as Results;
    const race = { name: 'Rebalances', seen: 0, needed: 0, unit: 'rebalances' };
    await run.writeResults({ ...results, races: [race] });
    const options = {
      ratePerSecond: 0,
      duplicatePercent: 30,
      mutant: null,
      workerEnv: { LOG_LEVEL: 'debug' },
      seed: 1,
    };
    await writeFile(run.file('env.json'), JSON.stringify({ ...run.environment, options }));
    const text = textOf(await buildReport(await RunDirectory.open(run.path)));
    expect(text).toContain('not required');
    const facts = [...text.matchAll(/<th scope="row">([^<]+)<\/th><td>([^<]+)</g)].map(
      ([, name, value]) => `${name}: ${value}`,
    );
    expect(facts.slice(-3)).toEqual([
      'Inputs per second: as many as Kafka takes',
      'Duplicate: 30%',
      'Settings of the workers: LOG_LEVEL=debug',
    ]);
    expect(text.match(/<th scope="row">Seed/g)).toHaveLength(1);
  });

  test('leads on to logs, to the dashboards and to what Prometheus kept', async () => {
    const run = await sampleRun();
    expect(textOf(await buildReport(run))).toMatch(
      /href="logs\/worker-2.jsonl"[\s\S]*pnpm test:distributed logs \S+ --batch/,
    );
    await mkdir(run.file('prometheus'));
    await writeFile(run.file('panels.json'), '{}');
    const text = textOf(await buildReport(run));
    expect(text).toMatch(/pnpm grafana:preview \S+race_conditions-42/);
    expect(text).toMatch(/prometheus --config\.file=\S+ --storage\.tsdb\.path=\S+\/prometheus/);
  });

  test('refuses a run that nobody judged', async () => {
    const run = await sampleRun();
    await rm(run.file('results.json'));
    await expect(buildReport(run)).rejects.toThrow(/judge it with `check` first/);
  });
});

describe('the data of the plots', () => {
  test('has throughput, latency, processors, memory, lag and outbox, each with its unit', async () => {
    const { plots } = dataOf(await pageOf());
    expect(plots.map(({ id, unit }) => `${id} ${unit}`)).toEqual([
      'throughput records/s',
      'latency-due-time-to-slot ms',
      'latency-last-content-to-completion ms',
      'lag_records records',
      'outbox_depth rows',
      'cpu_fraction cores',
      'rss_bytes bytes',
    ]);
    const labels = plots.find(({ id }) => id === 'throughput')?.series.map(({ label }) => label);
    expect(labels).toEqual(['inputs sent', 'slots assigned', 'completions']);
  });

  test('a process has one colour in all plots, in the order people count', async () => {
    const { plots } = dataOf(await pageOf());
    for (const id of ['cpu_fraction', 'rss_bytes']) {
      const series = plots.find((plot) => plot.id === id)?.series ?? [];
      expect(series.map(({ label, colour }) => `${label} ${colour}`)).toEqual([
        'worker-1 0',
        'worker-2 1',
        'worker-3 2',
      ]);
    }
  });

  test('a counter is drawn as its growth per second, also across a restart', async () => {
    const run = await sampleRun();
    const totals = [100, 200, 300, 10, 60];
    await run.metricWriter().appendAll(
      totals.map((value, second) => ({
        process: 'worker-1',
        metric: 'inputs_total',
        monoMs: second * 1_000,
        wallMs: STARTED_AT_MS + second * 1_000,
        value,
      })),
    );
    const plot = dataOf(await buildReport(run)).plots.find(({ id }) => id === 'inputs_total');
    expect(plot).toMatchObject({ title: 'Inputs resolved', unit: '/s' });
    expect(plot?.series[0]?.y.filter((value) => value !== null)).toEqual([100, 100, 50]);
  });

  test('the latency of completions has its limits', async () => {
    const { plots } = dataOf(await pageOf());
    expect(plots.find(({ id }) => id === 'latency-last-content-to-completion')?.limits).toEqual([
      { value: 50, tone: 'open', label: 'aimed at for P99' },
      { value: 1_000, tone: 'bad', label: 'promised' },
    ]);
    expect(plots.find(({ id }) => id === 'latency-due-time-to-slot')?.limits).toEqual([]);
  });

  test('is small however many samples there were, and says how many', async () => {
    const { plots } = dataOf(await pageOf({ samples: 5_000 }));
    const memory = plots.find(({ id }) => id === 'rss_bytes')?.series[0];
    expect(memory?.total.samples).toBe(5_000);
    expect(memory?.x.length).toBeLessThanOrEqual(1_000);
  });

  test('pauses where a process was dead', async () => {
    const { plots } = dataOf(await pageOf());
    const [first, second] = plots.find(({ id }) => id === 'cpu_fraction')?.series ?? [];
    expect(first?.y).not.toContain(null);
    const pauseAt = second?.x[second.y.indexOf(null)] ?? 0;
    expect(pauseAt).toBeGreaterThan(15);
    expect(pauseAt).toBeLessThan(19.5);
  });

  test('sums the lag of a topic over its partitions', async () => {
    const { plots } = dataOf(await pageOf());
    const lag = plots.find(({ id }) => id === 'lag_records')?.series[0];
    expect(lag?.label).toBe('content topic');
    expect(lag?.total.max).toBe(3 * 900 * 4);
  });

  test('has faults with their span, also one that nobody stopped, and phases one after the other', async () => {
    const run = await sampleRun();
    const clocks = { monoMs: 40_000, wallMs: STARTED_AT_MS + 40_000 };
    run.faultWriter().append({ fault: 'freeze', target: 'worker-1', phase: 'start', ...clocks });
    const { faults, phases } = dataOf(await buildReport(run));
    expect(faults).toEqual([
      { label: 'kill -9 worker-2', from: 15, to: 19.5 },
      { label: 'redis flush redis', from: 31, to: 31.05 },
      { label: 'freeze worker-1 (not stopped)', from: 40, to: 60 },
    ]);
    expect(phases.map(({ label, to }) => `${label} ${to}`)).toEqual([
      'warm-up 5',
      'load 45',
      'faults off 50',
      'quiescence 57',
      'check 60',
    ]);
  });

  test('names topics by what is in them, whatever their prefix', () => {
    expect(nameOfTopic('test.huleedu.els.essay.slot.assigned.v1')).toBe('slots assigned');
    expect(nameOfTopic('else')).toBe('else');
  });
});

describe('the slowest batches', () => {
  test('are ordered by the time from their last input being due to their announcement', async () => {
    const { timelines, completedCount, unfinishedCount } = await findSlowBatches(await sampleRun({ batches: 30 }));
    expect([timelines.length, completedCount, unfinishedCount]).toEqual([10, 30, 0]);
    const latencies = timelines.map(({ latencyMs }) => latencyMs);
    expect(latencies).toEqual([...latencies].sort((left, right) => right - left));
    for (const { announcedMs, lastDueMs, latencyMs, slotMs } of timelines) {
      expect(latencyMs).toBe((announcedMs ?? 0) - (lastDueMs ?? 0));
      expect(slotMs).toHaveLength(8);
    }
  });

  test('a duplicate that comes later does not make a batch look faster', async () => {
    const run = await sampleRun({ batches: 1 });
    const before = (await findSlowBatches(run)).timelines[0];
    const wallMs = STARTED_AT_MS + 5_290;
    const value = { dueWallMs: (before?.lastDueMs ?? 0) + 5, textStorageId: 'text-0-1' };
    const step = { index: 999, monoMs: 5_290, wallMs, process: 'client-1', type: 'invoke', f: 'content' } as const;
    run.historyWriter().append({ ...step, key: 'batch-0', value });
    expect((await findSlowBatches(run)).timelines[0]?.latencyMs).toBe(before?.latencyMs);
  });

  test('a batch that did not complete is counted, not ranked', async () => {
    const run = await sampleRun({ batches: 3 });
    run.tableWriter('batches').append({ id: 'batch-x', expected_count: 5, completed_at: null });
    const { timelines, unfinishedCount } = await findSlowBatches(run);
    expect([timelines.length, unfinishedCount]).toEqual([3, 1]);
  });
});

describe('templates', () => {
  test('escape what they are given, in text and in attributes', () => {
    expect(html`<a title="${'"><b>'}">${"<i>&'"}</a>`.text).toBe(
      '<a title="&quot;&gt;&lt;b&gt;">&lt;i&gt;&amp;&#39;</a>',
    );
    expect(html`${html`<b>`}${null}${false}${0}`.text).toBe('<b>0');
  });

  test('embedded JSON is the same value and holds no markup', () => {
    const value = { name: `${HOSTILE}\u2028` };
    const { text } = embedJson(value);
    expect(text).not.toMatch(/[<>&\u2028]/);
    expect(JSON.parse(text)).toEqual(value);
  });
});
