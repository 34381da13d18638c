/** nginx in front of gateways: the one of this machine, else Debian's packages unpacked into the cache. */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StackContext } from '../process/context.ts';
import { freePorts } from '../process/free-port.ts';
import { projectRoot } from '../process/project-root.ts';
import { runCommand } from '../process/run-command.ts';
import { ServerProcess } from '../process/server-process.ts';
import { StackError } from '../process/stack-error.ts';
import { cached } from '../programs/cache.ts';
import { isDebian, systemRelease, unpackPackages } from '../programs/debian.ts';
import { programOnPath } from '../programs/find-program.ts';

/** Of sockets, each takes two: its client's and its gateway's. */
const CONNECTIONS_MAX = 8192;

/** Passes requests on to gateways on these ports, by the routes of the project's nginx folder. */
export async function startNginx(context: StackContext, gatewayPorts: readonly number[]): Promise<ServerProcess> {
  const command = programOnPath('nginx') ?? (await nginxFromDebian(context));
  const [port = 0] = await freePorts(1);
  const folder = join(context.dataDir, `nginx-${port}`);
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'nginx.conf');
  await writeFile(file, nginxConfiguration(folder, port, gatewayPorts));
  const server = new ServerProcess(
    {
      name: `nginx-${port}`,
      port,
      command,
      args: ['-p', folder, '-c', file, '-e', 'stderr'],
      env: process.env,
      folder,
      logFile: join(context.dataDir, `nginx-${port}.log`),
      user: undefined,
      readyPattern: /start worker process /,
      startMsMax: 10_000,
      stopSignal: 'SIGTERM',
      stopMsMax: 5_000,
      abandonSignal: 'SIGKILL',
    },
    context.guardian,
  );
  await server.start(context.signal);
  return server;
}

function nginxConfiguration(folder: string, port: number, gatewayPorts: readonly number[]): string {
  const shared = join(projectRoot(), 'nginx');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => {
    return `${name}_temp_path ${join(folder, name)};`;
  });
  return `
daemon off;
worker_processes 1;
error_log stderr notice;
pid ${join(folder, 'nginx.pid')};
worker_shutdown_timeout 2s;
events { worker_connections ${CONNECTIONS_MAX}; }
http {
  ${temporary.join('\n  ')}
  include ${join(shared, 'gateway-http.conf')};
  access_log ${join(folder, 'access.log')} gateways;
  upstream gateways {
    zone gateways 64k;
    least_conn;
    ${gatewayPorts.map((each) => `server 127.0.0.1:${each} max_fails=1 fail_timeout=2s;`).join('\n    ')}
    keepalive 64;
    keepalive_timeout 5s;
  }
  server {
    listen 127.0.0.1:${port};
    include ${join(shared, 'gateway-routes.conf')};
  }
}
`;
}

async function nginxFromDebian(context: StackContext): Promise<string> {
  if (!isDebian()) throw new StackError('nginx is missing: install it');
  const folder = await cached(`nginx-${systemRelease()}-${process.arch}`, async (building) => {
    await unpackPackages('nginx', building, context);
    const entry = join(building, 'unpacked');
    await mkdir(entry);
    await rename(join(building, 'usr'), join(entry, 'usr'));
    // Only what runs becomes an entry.
    await runCommand(join(entry, 'usr', 'sbin', 'nginx'), ['-v'], { guardian: context.guardian, runMsMax: 10_000 });
    return entry;
  });
  return join(folder, 'usr', 'sbin', 'nginx');
}
