/**
 * The gateway: HTTP in, and batches to be read; any number of them, stateless. `els config help` lists its settings.
 */
import { fileURLToPath } from 'node:url';
import { composeGateway } from '../composition/gateway.ts';
import { startProgram } from '../composition/start.ts';

const USAGE = `Usage: gateway

Takes registrations, contents and failures by HTTP, writes them to Kafka and answers what became of them; its page at /
shows batches while they fill. Until SIGTERM or SIGINT. It takes no arguments: settings come from the environment, see
els config help and els config check.

Exit codes: 0 stopped as asked, 2 wrong usage, 78 start refused, 1 anything else.
`;

const pageFolder = fileURLToPath(new URL('../gateway/page', import.meta.url));
await startProgram(USAGE, process.argv.slice(2), (config) => composeGateway(config, pageFolder));
