/** `pnpm contract:build`: the contract as an npm package in dist/contract, ready for `npm pack` there. */
import { Command } from 'commander';
import { CONTRACT_FOLDER, packContract } from '../contract/package.ts';

new Command('contract:build').description('Makes the npm package of the contract in dist/contract.').parse();

packContract('.', CONTRACT_FOLDER);
process.stdout.write(`${CONTRACT_FOLDER}\n`);
