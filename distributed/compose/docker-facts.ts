/** What Docker says of containers, as far as it is looked at: parsed, never cast. */
import { z } from 'zod';

const serviceStateSchema = z.object({
  Name: z.string(),
  Service: z.string(),
  State: z.string(),
  /** Empty for a container without a health check. */
  Health: z.string(),
  ExitCode: z.number().int(),
});
export type ServiceState = z.infer<typeof serviceStateSchema>;

const containerSchema = z.object({
  Id: z.string(),
  Name: z.string().transform((name) => name.replace(/^\//, '')),
  RestartCount: z.number().int(),
  State: z.object({ Status: z.string(), ExitCode: z.number().int(), OOMKilled: z.boolean() }),
  Config: z.object({
    User: z.string(),
    Labels: z.record(z.string(), z.string()).nullable(),
  }),
  HostConfig: z.object({ ReadonlyRootfs: z.boolean() }),
  Mounts: z.array(z.object({ Type: z.string(), Name: z.string().optional() })),
  NetworkSettings: z.object({ Networks: z.record(z.string(), z.object({ IPAddress: z.string() })) }),
});
export type Container = z.infer<typeof containerSchema>;

/** `docker compose ps --format json`: one object per line, or in older versions one array. */
export function parseServiceStates(output: string): ServiceState[] {
  const text = output.trim();
  if (text === '') return [];
  if (text.startsWith('[')) return z.array(serviceStateSchema).parse(JSON.parse(text));
  return text.split('\n').map((line) => serviceStateSchema.parse(JSON.parse(line)));
}

/** `docker inspect`. */
export function parseContainers(output: string): Container[] {
  return z.array(containerSchema).parse(JSON.parse(output));
}

export function serviceOf(container: Container): string {
  return container.Config.Labels?.['com.docker.compose.service'] ?? '';
}

export function addressesOf(container: Container): string[] {
  return Object.values(container.NetworkSettings.Networks).flatMap(({ IPAddress }) => (IPAddress ? [IPAddress] : []));
}

/** Healthy, or running where nobody can tell, or a job that has ended well. */
export function isWell({ State, Health, ExitCode }: ServiceState): boolean {
  return State === 'running' ? Health === 'healthy' || Health === '' : State === 'exited' && ExitCode === 0;
}

export function describeState({ State, Health, ExitCode }: ServiceState): string {
  if (State === 'exited') return `exited ${ExitCode}`;
  return Health === '' ? State : Health;
}
