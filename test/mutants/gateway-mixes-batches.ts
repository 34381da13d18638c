/** Every fifth watcher that comes is told of another batch, which somebody else asked for. Caught by I20. */
import { WatchHub } from '../../src/gateway/live/watch-hub.ts';
import { runGatewayMutant } from '../support/worker/mutant-gateway.ts';

void runGatewayMutant((container) => {
  const hub = container.resolve(WatchHub);
  const watch = hub.watch.bind(hub);
  const asked = new Set<string>();
  let count = 0;
  hub.watch = (batchId, after, watcher) => {
    asked.add(batchId);
    count += 1;
    const other = [...asked].find((each) => each !== batchId);
    return watch(count % 5 === 0 && other !== undefined ? other : batchId, after, watcher);
  };
});
