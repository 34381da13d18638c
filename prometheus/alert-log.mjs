/**
 * A receiver for Alertmanager's webhook that shows what an operator would be told: a line for each alert, with what to do
 * and where to read. It keeps nothing. Started without arguments; the port is the first, 9095 if not given.
 */
import { createServer } from 'node:http';

const BODY_BYTES_MAX = 4 * 1024 * 1024;

function lineOf({ status, labels = {}, annotations = {} }) {
  const { summary = '', action = '', runbook_url: page = '-', dashboard_url: dashboard = '-' } = annotations;
  const head = `${status === 'resolved' ? 'over' : labels.severity} ${labels.alertname}: ${summary}`;
  return status === 'resolved' ? head : `${head} | ${action} | ${page} | ${dashboard}`;
}

async function bodyOf(request) {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > BODY_BYTES_MAX) throw new Error('too large');
  }
  return text;
}

const server = createServer(async (request, response) => {
  if (request.method === 'GET') {
    response.end('ok\n');
    return;
  }
  try {
    const { alerts } = JSON.parse(await bodyOf(request));
    for (const alert of alerts) process.stdout.write(`${lineOf(alert).replaceAll(/\s+/g, ' ')}\n`);
    response.end();
  } catch (error) {
    response.writeHead(400).end(`${error.message}\n`);
  }
});

server.listen(Number(process.argv[2] ?? 9095), () => {
  process.stdout.write(`waiting for alerts on port ${server.address().port}\n`);
});
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));
