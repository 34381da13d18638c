/** What happens to lines between clients and servers. What a line holds back meanwhile is the witness. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Line } from '../stack/process/lane.ts';
import type { Direction, TcpProxy } from '../stack/process/tcp-proxy.ts';
import type { Injector } from './injector.ts';

/** A worker that has just started is connected within it. */
const CONNECTED_MS_MAX = 10_000;
const POLL_INTERVAL_MS = 50;
const RESET_INTERVAL_MS = 500;
/** A line to another continent, and a bad one. */
const SLOW = { latencyMs: 80, jitterMs: 60, bytesPerSecondMax: 2_000_000 };

export const NETWORK_FAULTS = [
  'cut-postgres',
  'cut-redis',
  'cut-kafka',
  'slow-postgres',
  'slow-redis',
  'slow-kafka',
  'reset-postgres',
  'reset-redis',
  'reset-kafka',
] as const;

export type NetworkFault = (typeof NETWORK_FAULTS)[number];

/** To the line of one client to one server. */
export function networkInjector(
  fault: NetworkFault,
  lineTo: (server: 'postgres' | 'redis' | 'kafka') => TcpProxy,
  client: string,
): Injector {
  const [what, server] = fault.split('-') as ['cut' | 'slow' | 'reset', 'postgres' | 'redis' | 'kafka'];
  const target = `${client} ${server}`;
  const line = lineTo(server);
  switch (what) {
    case 'cut':
      return { ...linesCut({ target, lines: [line], directions: ['to-server', 'to-client'] }), fault };
    case 'slow':
      return { fault, target, ...worsened([line], SLOW) };
    case 'reset':
      return { fault, target, ...reset(line) };
  }
}

export interface CutOff {
  /** Who is cut off from whom, for people. */
  readonly target: string;
  readonly lines: readonly TcpProxy[];
  readonly directions: readonly Direction[];
  /** For whoever is to be cut off to be connected. */
  readonly patienceMs?: number;
}

/** Nothing arrives in these directions; connections stay, and new ones are accepted, as by a host behind a dead switch. */
export function linesCut({ target, lines, directions, patienceMs = CONNECTED_MS_MAX }: CutOff): Injector {
  return {
    fault: `cut ${directions.join(' and ')}`,
    target,
    async start() {
      // Where nobody is connected nobody is cut off.
      const connections = await Promise.all(lines.map((line) => untilConnected(line, patienceMs)));
      for (const line of lines) line.set({ isCut: true }, directions);
      return connections.every((count) => count > 0) ? { connections, atMs: Date.now() } : null;
    },
    async stop() {
      const heldBytes = lines.map((line) => line.facts.heldBytes);
      for (const line of lines) line.mend();
      return heldBytes.some((count) => count > 0) ? { heldBytes } : null;
    },
  };
}

/** They carry less than is sent, to these directions; what is late is the witness. */
export function linesNarrowed(
  { target, lines }: Pick<CutOff, 'target' | 'lines'>,
  { bytesPerSecondMax, directions }: { readonly bytesPerSecondMax: number } & Pick<CutOff, 'directions'>,
): Injector {
  return { fault: 'narrow', target, ...worsened(lines, { bytesPerSecondMax }, directions) };
}

function worsened(
  lines: readonly TcpProxy[],
  line: Partial<Line>,
  directions?: readonly Direction[],
): Pick<Injector, 'start' | 'stop'> {
  const late = () => lines.map(({ facts }) => facts.latePieces);
  let before: readonly number[] = [];
  return {
    async start() {
      const connections = await Promise.all(lines.map((each) => untilConnected(each)));
      before = late();
      for (const each of lines) each.set(line, directions);
      return connections.every((count) => count > 0) ? { connections } : null;
    },
    async stop() {
      for (const each of lines) each.mend();
      const latePieces = late().map((count, index) => count - (before[index] ?? 0));
      return latePieces.every((count) => count > 0) ? { latePieces } : null;
    },
  };
}

/** Again and again for as long as the fault lasts. */
function reset(line: TcpProxy): Pick<Injector, 'start' | 'stop'> {
  let isOver = false;
  let connections = 0;
  let loop: Promise<void> = Promise.resolve();
  return {
    async start() {
      await untilConnected(line);
      connections += line.reset();
      loop = (async () => {
        while (!isOver) {
          await sleep(RESET_INTERVAL_MS);
          connections += line.reset();
        }
      })();
      return connections > 0 ? { connections } : null;
    },
    async stop() {
      isOver = true;
      await loop;
      return { connections };
    },
  };
}

/** Answers the connections there are in the end, which may be none. */
async function untilConnected(line: TcpProxy, patienceMs = CONNECTED_MS_MAX): Promise<number> {
  const giveUpAtMs = performance.now() + patienceMs;
  while (line.facts.connections === 0 && performance.now() < giveUpAtMs) await sleep(POLL_INTERVAL_MS);
  return line.facts.connections;
}
