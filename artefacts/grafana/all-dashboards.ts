/** Every dashboard as the text of its file in grafana/dashboards. The same code gives the same bytes. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { gateway } from './dashboards/gateway.ts';
import { kafka } from './dashboards/kafka.ts';
import { outbox } from './dashboards/outbox.ts';
import { overview } from './dashboards/overview.ts';
import { postgres } from './dashboards/postgres.ts';
import { redis } from './dashboards/redis.ts';
import { run } from './dashboards/run.ts';
import { slots } from './dashboards/slots.ts';

export const DASHBOARD_FOLDER = 'grafana/dashboards';

export interface DashboardFile {
  readonly name: string;
  readonly dashboard: Dashboard;
  readonly text: string;
}

export function allDashboards(): DashboardFile[] {
  return [overview, slots, kafka, postgres, redis, outbox, gateway, run].map((make) => {
    const dashboard = make().build();
    return { name: `${dashboard.uid}.json`, dashboard, text: `${JSON.stringify(dashboard, undefined, 2)}\n` };
  });
}
