/** The same posts by a load tool that others wrote, so that the harness's own figures can be laid beside its. */
import autocannon from 'autocannon';

export interface LoadFigures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that are not 2xx, and none. */
  readonly errors: number;
}

/** As many connections, each posting the next text as soon as the last is answered. */
export async function foreignLoad(options: {
  readonly url: string;
  readonly batchId: string;
  readonly connections: number;
  readonly seconds: number;
}): Promise<LoadFigures> {
  const { url, batchId, connections, seconds } = options;
  // It puts an id of its own in place of each [<id>].
  const body = { text_storage_id: 'foreign [<id>]', file_upload_id: 'foreign [<id>]', original_file_name: 'essay.txt' };
  const { requests, latency, non2xx, errors } = await autocannon({
    url: `${url}/v1/batches/${batchId}/contents`,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    idReplacement: true,
    connections,
    duration: seconds,
    // In a thread of its own.
    workers: 1,
  });
  return { perSecond: requests.average, p50Ms: latency.p50, p99Ms: latency.p99, errors: non2xx + errors };
}
