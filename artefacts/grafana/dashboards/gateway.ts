/** Gateways: what is asked of them by HTTP, what they write to Kafka (G10), and live progress (G11). */
import { type DashboardRow, frame } from '../frame.ts';
import { chart } from '../panels.ts';
import { GATEWAYS, quantile, rareRate, rate, selected } from '../queries.ts';

const workers = GATEWAYS;
const POSTS = { workers, where: 'route=~"/v1/batches.*", method="POST"' };

export const gateway = () =>
  frame({
    uid: 'els-gateway',
    title: 'Gateway',
    description: 'Requests, refusals and durations; records under way to Kafka; live connections and their ends.',
    rows: [requests, live],
  });

const requests: DashboardRow = {
  title: 'Requests',
  panels: [
    chart({
      title: 'Requests by answer',
      description: '4xx: callers are refused; 5xx: Kafka or PostgreSQL does not answer, which callers try again.',
      unit: 'perSecond',
      queries: [
        {
          expr: rate('els_http_request_duration_seconds_count', { by: ['status'], workers }),
          legend: '{{status}}',
        },
      ],
    }),
    chart({
      title: 'Requests by gateway',
      description: 'Of three behind nginx each has about a third; one far above the others is not balanced.',
      unit: 'perSecond',
      queries: [
        {
          expr: rate('els_http_request_duration_seconds_count', { by: ['instance'], workers }),
          legend: '{{instance}}',
        },
      ],
    }),
    chart({
      title: 'Duration of posts',
      description: 'From the request to the acknowledgement of Kafka; ElsGatewayPostsSlow fires at a P99 of a second.',
      unit: 'seconds',
      queries: [
        { expr: quantile(0.5, 'els_http_request_duration_seconds', POSTS), legend: 'P50' },
        { expr: quantile(0.95, 'els_http_request_duration_seconds', POSTS), legend: 'P95' },
        { expr: quantile(0.99, 'els_http_request_duration_seconds', POSTS), legend: 'P99' },
      ],
    }),
    chart({
      title: 'Records in flight',
      description: 'Not acknowledged by Kafka yet; at GATEWAY_RECORDS_IN_FLIGHT_MAX posts get 429.',
      unit: 'count',
      queries: [{ expr: selected('els_gateway_records_in_flight', { workers }), legend: '{{instance}}' }],
    }),
  ],
};

const live: DashboardRow = {
  title: 'Live progress',
  panels: [
    chart({
      title: 'Live connections',
      description: 'By gateway; after a restart they even out within a quarter of an hour.',
      unit: 'count',
      queries: [{ expr: selected('els_live_connections', { workers }), legend: '{{instance}}' }],
    }),
    chart({
      title: 'Watched batches',
      description: 'By gateway; all of them are looked at in one statement.',
      unit: 'count',
      queries: [{ expr: selected('els_live_watched_batches', { workers }), legend: '{{instance}}' }],
    }),
    chart({
      title: 'Ended by the gateway',
      description: 'Age or stop (restart), too slow, its token ended, no answer to a ping.',
      unit: 'perSecond',
      queries: [{ expr: rareRate('els_live_connections_closed_total', 'reason', { workers }), legend: '{{reason}}' }],
    }),
    chart({
      title: 'Event loop lag',
      description: 'P99 by gateway; what clients see is late by as much.',
      unit: 'seconds',
      queries: [{ expr: selected('els_event_loop_lag_seconds', { workers }), legend: '{{instance}}' }],
      limits: { bad: 0.1 },
    }),
  ],
};
