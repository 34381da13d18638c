/** `pnpm grafana:preview [run directory]`: the dashboards of an observed run as pages that need no Grafana. */
import { drawDashboards, runOnObserved } from '../preview/observed-command.ts';

await runOnObserved({
  name: 'grafana:preview',
  description: 'Draws every panel of every dashboard from what Prometheus answered in an observed run.',
  work: async (parts) => {
    for (const part of parts) {
      const page = await drawDashboards(part);
      if (page !== null) process.stdout.write(`${page}\n`);
    }
  },
});
