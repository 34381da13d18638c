/** Who answered: requests by upstream address, from the log that nginx/default.conf writes. */
export interface UpstreamCounts {
  readonly byAddress: ReadonlyMap<string, number>;
  /** Requests that no upstream was asked for. */
  readonly unanswered: number;
}

const UPSTREAM = /upstream="([^"]*)" status=(\d+)/;

/** Where several were asked for one request, the last one answered. */
export function countUpstreams(log: string): UpstreamCounts {
  const byAddress = new Map<string, number>();
  let unanswered = 0;
  for (const line of log.split('\n')) {
    const match = UPSTREAM.exec(line);
    if (match === null) continue;
    const address = (match[1] ?? '').split(',').at(-1)?.trim().replace(/:\d+$/, '') ?? '';
    if (address === '' || address === '-') unanswered++;
    else byAddress.set(address, (byAddress.get(address) ?? 0) + 1);
  }
  return { byAddress, unanswered };
}
