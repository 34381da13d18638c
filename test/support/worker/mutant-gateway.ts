/** Runs the real gateway with one part of it wrong on purpose, to see that the judge notices. */
import { fileURLToPath } from 'node:url';
import type { DependencyContainer } from 'tsyringe';
import { composeGateway } from '../../../src/composition/gateway.ts';
import { Program } from '../../../src/composition/program.ts';
import { loadConfig } from '../../../src/config/config.ts';

/** Replaces methods of the parts. */
export async function runGatewayMutant(alter: (container: DependencyContainer) => void): Promise<void> {
  const container = composeGateway(loadConfig(), fileURLToPath(new URL('../../../src/gateway/page', import.meta.url)));
  alter(container);
  process.stderr.write('this gateway is wrong on purpose\n');
  await container.resolve(Program).run();
}
