/**
 * Which of several hosts takes writes. All are asked at once, so one that hangs delays nobody; of two that take writes,
 * as after a failover whose old primary came back, it is the one promoted later, and never one that was promoted
 * earlier than a server seen before.
 */
import pg from 'pg';
import type { Host } from '../connection/address.ts';
import { AppError } from '../errors.ts';
import { settledWithin } from '../timing/deadline.ts';

const PROBE_MS_MAX = 1000;
/** How long the answers of others are waited for once a writable host is known. */
const OTHERS_MS_MAX = 500;

const PROBE = `
select case when pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' then null
            else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end as timeline`;

interface Writable extends Host {
  /** Goes up with every promotion. */
  readonly timeline: number;
}

export class PrimaryFinder {
  private readonly settings: () => pg.ClientConfig & { readonly hosts: readonly Host[] };
  private timelineMin = 0;
  private hostCount = 1;

  constructor(settings: PrimaryFinder['settings']) {
    this.settings = settings;
  }

  /** Whether there were several hosts when one was last looked for. */
  get hasChoice(): boolean {
    return this.hostCount > 1;
  }

  /** A single host is not asked: its connection is looked at anyway. Rejects with UNAVAILABLE when none takes writes. */
  async find(): Promise<Host> {
    const settings = this.settings();
    const [first, second] = settings.hosts;
    this.hostCount = settings.hosts.length;
    if (first !== undefined && second === undefined) return first;
    const found: Writable[] = [];
    const reasons: string[] = [];
    let isKnown: () => void = () => undefined;
    const known = new Promise<void>((resolve) => {
      isKnown = resolve;
    });
    const all = Promise.all(
      settings.hosts.map(async ({ host, port }) => {
        // Without what our sessions ask for: one that only reads would take every host for a standby.
        const answer = await probe({ ...settings, host, port, options: '-c jit=off' });
        if (typeof answer === 'string') reasons.push(`${host}:${port} ${answer}`);
        else if (answer < this.timelineMin) reasons.push(`${host}:${port} was replaced by a promotion`);
        else {
          found.push({ host, port, timeline: answer });
          isKnown();
        }
      }),
    );
    await Promise.race([all, known]);
    await settledWithin(all, OTHERS_MS_MAX);
    const [best] = found.sort((one, other) => other.timeline - one.timeline);
    if (best === undefined) throw new AppError('UNAVAILABLE', `no database host takes writes: ${reasons.join('; ')}`);
    this.timelineMin = Math.max(this.timelineMin, best.timeline);
    return best;
  }
}

/** The timeline of a host that takes writes, else why it is not used. */
async function probe(settings: pg.ClientConfig): Promise<number | string> {
  const client = new pg.Client({ ...settings, connectionTimeoutMillis: PROBE_MS_MAX, query_timeout: PROBE_MS_MAX });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ timeline: number | null }>(PROBE);
    return rows[0]?.timeline ?? 'takes no writes';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    client.end().catch(() => undefined);
  }
}
