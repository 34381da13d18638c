/** Whoever comes back to a gateway misses the next change. Caught by I20. */
import { WatchHub } from '../../src/gateway/live/watch-hub.ts';
import { runGatewayMutant } from '../support/worker/mutant-gateway.ts';

void runGatewayMutant((container) => {
  const hub = container.resolve(WatchHub);
  const watch = hub.watch.bind(hub);
  hub.watch = (batchId, after, watcher) => watch(batchId, after === null ? null : after + 1, watcher);
});
