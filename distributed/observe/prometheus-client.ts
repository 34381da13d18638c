/** Asks a Prometheus over its HTTP API; every question has a limit. */
import { z } from 'zod';

const ASK_MS_MAX = 10_000;
/** Of one series in one answer; Prometheus refuses more than 11 000. */
const POINTS_MAX = 5_000;
/**
 * As Grafana chooses it, four scrapes at least; many more, because a busy machine leaves some of our quick ones out.
 */
const SCRAPES_MIN = 15;

const labels = z.record(z.string(), z.string());

const matrix = z.object({
  result: z.array(z.object({ metric: labels, values: z.array(z.tuple([z.number(), z.string()])) })),
});

const targets = z.object({
  activeTargets: z.array(
    z.object({
      labels: z.object({ job: z.string(), instance: z.string() }),
      health: z.string(),
      lastError: z.string(),
    }),
  ),
});

const alerts = z.object({
  alerts: z.array(z.object({ labels, state: z.enum(['pending', 'firing']), activeAt: z.string() })),
});

const snapshot = z.object({ name: z.string() });

export interface Target {
  readonly job: string;
  readonly instance: string;
  readonly isUp: boolean;
  readonly lastError: string;
}

/** What it scrapes, and whether that answers. */
export async function activeTargets(url: string): Promise<Target[]> {
  const { activeTargets: found } = targets.parse(await ask(`${url}/api/v1/targets?state=active`));
  return found.map(({ labels, health, lastError }) => ({ ...labels, isUp: health === 'up', lastError }));
}

/** Those whose condition is true, whether they have waited long enough or not. */
export async function activeAlerts(url: string) {
  const { alerts: found } = alerts.parse(await ask(`${url}/api/v1/alerts`));
  return found.map(({ labels: { alertname = '', severity: _severity, ...about }, state, activeAt }) => ({
    alert: alertname,
    about: Object.values(about).join(' '),
    state,
    activeAtMs: Date.parse(activeAt),
  }));
}

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** Finite ones: neither NaN nor infinity is drawn. */
  readonly values: readonly number[];
}

/** When each value was sampled is known as well. */
export interface TimedSeries extends Series {
  readonly timesMs: readonly number[];
}

export interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

export function rateIntervalMs(span: TimeSpan, scrapeIntervalMs: number): number {
  return Math.max(SCRAPES_MIN * scrapeIntervalMs, stepMs(span, scrapeIntervalMs) + scrapeIntervalMs);
}

function stepMs({ fromMs, toMs }: TimeSpan, scrapeIntervalMs: number): number {
  return Math.max(scrapeIntervalMs, Math.ceil((toMs - fromMs) / POINTS_MAX));
}

/** The answer as it is: seconds and the number as text. */
export async function queryRange(url: string, query: string, span: TimeSpan & { readonly stepMs: number }) {
  const parameters = new URLSearchParams({
    query,
    start: String(span.fromMs / 1_000),
    end: String(span.toMs / 1_000),
    step: String(span.stepMs / 1_000),
  });
  return matrix.parse(await ask(`${url}/api/v1/query_range`, { method: 'POST', body: parameters })).result;
}

/** Series with at least one finite value within the span. */
export async function seriesWithin(
  url: string,
  query: string,
  span: TimeSpan,
  scrapeIntervalMs: number,
): Promise<TimedSeries[]> {
  const result = await queryRange(url, query, { ...span, stepMs: stepMs(span, scrapeIntervalMs) });
  return result
    .map(({ metric, values }) => {
      const samples = values.map(([seconds, text]) => ({ timeMs: Math.round(seconds * 1_000), value: Number(text) }));
      const finite = samples.filter(({ value }) => Number.isFinite(value));
      return {
        labels: metric,
        timesMs: finite.map(({ timeMs }) => timeMs),
        values: finite.map(({ value }) => value),
      };
    })
    .filter(({ values }) => values.length > 0);
}

/** Makes a copy of all samples beside them; its name within `snapshots`. */
export async function takeSnapshot(url: string): Promise<string> {
  return snapshot.parse(await ask(`${url}/api/v1/admin/tsdb/snapshot`, { method: 'POST' })).name;
}

async function ask(url: string, init: RequestInit = {}): Promise<unknown> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(ASK_MS_MAX) });
  // While it starts, it answers in plain text.
  const answer = (await response.json().catch(() => ({}))) as { status?: string; error?: string; data?: unknown };
  if (answer.status !== 'success') throw new Error(`prometheus refused: ${answer.error ?? response.statusText}`);
  return answer.data;
}
