/**
 * Debian's exporters of PostgreSQL and Redis beside a run: those of this machine, else the packages unpacked into the
 * cache. They listen on loopback. A machine that has neither runs without them, and what they would tell is excused.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { StackContext } from '../process/context.ts';
import { onFreePort } from '../process/free-port.ts';
import { runCommand } from '../process/run-command.ts';
import { ServerProcess } from '../process/server-process.ts';
import { cached } from '../programs/cache.ts';
import { isDebian, systemRelease, unpackPackages } from '../programs/debian.ts';
import { programOnPath } from '../programs/find-program.ts';

/** What the exporter's own version lacks; without the columns that newer servers renamed. */
const OWN_QUERIES = {
  pg_stat_user_tables: {
    query: 'select current_database() as datname, schemaname, relname, n_dead_tup from pg_stat_user_tables',
    metrics: [
      { datname: { usage: 'LABEL', description: 'Database' } },
      { schemaname: { usage: 'LABEL', description: 'Schema' } },
      { relname: { usage: 'LABEL', description: 'Table' } },
      { n_dead_tup: { usage: 'GAUGE', description: 'Estimated number of dead rows' } },
    ],
  },
};
const START_MS_MAX = 20_000;
const STOP_MS_MAX = 5_000;

export const EXPORTED = ['postgres', 'redis'] as const;

export type Exported = (typeof EXPORTED)[number];

/** The program, fetched if this machine has none; null where it cannot be had. */
export async function exporterProgram(
  kind: Exported,
  context: Pick<StackContext, 'guardian' | 'signal' | 'onProgress'>,
): Promise<string | null> {
  const name = `prometheus-${kind}-exporter`;
  const installed = programOnPath(name);
  if (installed !== undefined) return installed;
  if (!isDebian()) return null;
  const folder = await cached(`${kind}-exporter-${systemRelease()}-${process.arch}`, async (building) => {
    await unpackPackages(name, building, context);
    const entry = join(building, 'unpacked');
    await mkdir(entry);
    await rename(join(building, 'usr', 'bin'), join(entry, 'bin'));
    // Only what runs becomes an entry.
    await runCommand(join(entry, 'bin', name), ['--version'], { guardian: context.guardian, runMsMax: START_MS_MAX });
    return entry;
  });
  return join(folder, 'bin', name);
}

/** `address` is the URL of the server it tells about. Its metrics are on /metrics of its port. */
export async function startExporter(
  kind: Exported,
  { program, address }: { readonly program: string; readonly address: string },
  context: StackContext,
): Promise<ServerProcess> {
  const folder = join(context.dataDir, `${kind}-exporter`);
  await mkdir(folder, { recursive: true });
  const queries = join(folder, 'queries.yml');
  if (kind === 'postgres') await writeFile(queries, stringify(OWN_QUERIES));
  return onFreePort(
    `${kind}-exporter`,
    async (port) => {
      const listen = `--web.listen-address=127.0.0.1:${port}`;
      const server = new ServerProcess(
        {
          name: `${kind}-exporter`,
          port,
          command: program,
          args: kind === 'postgres' ? [listen, '--no-collector.bgwriter', `--extend.query-path=${queries}`] : [listen],
          // In the environment, where a password is not shown to everybody as an argument is.
          env: { ...process.env, ...exporterEnv(kind, address) },
          folder,
          logFile: join(folder, 'exporter.log'),
          user: undefined,
          readyPattern: /Listening on|Providing metrics at/,
          startMsMax: START_MS_MAX,
          stopSignal: 'SIGTERM',
          stopMsMax: STOP_MS_MAX,
          abandonSignal: 'SIGKILL',
        },
        context.guardian,
      );
      await server.start(context.signal);
      return server;
    },
    context,
  );
}

function exporterEnv(kind: Exported, address: string): Record<string, string> {
  if (kind === 'redis') return { REDIS_ADDR: address };
  const url = new URL(address);
  // The exporter's driver insists on encryption where nothing is said.
  if (!url.searchParams.has('sslmode')) url.searchParams.set('sslmode', 'disable');
  return { DATA_SOURCE_NAME: url.href };
}
