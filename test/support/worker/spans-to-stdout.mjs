/** Loaded with `node --import`, as an operator loads an SDK: every finished span is a line of standard output. */
import { NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';

const exporter = {
  export(spans, done) {
    for (const span of spans) {
      const { name, attributes, links, parentSpanContext } = span;
      const { traceId, spanId } = span.spanContext();
      const line = { msg: 'span', name, traceId, spanId, parentSpanId: parentSpanContext?.spanId, attributes };
      process.stdout.write(`${JSON.stringify({ ...line, links: links.map(({ context }) => context.spanId) })}\n`);
    }
    done({ code: 0 });
  },
  shutdown: async () => undefined,
};

new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
