const toCommonJs = [
  '@swc/jest',
  { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } },
];
/** Packages that exist as ES modules only: a dependency of fastify's inject(), used in tests alone, and jose. */
const ES_MODULES = '/node_modules/(cookie|jose)/dist/';
const shared = {
  transform: { '^.+\\.ts$': toCommonJs, [`${ES_MODULES}.+\\.js$`]: toCommonJs },
  transformIgnorePatterns: [`^(?!.*${ES_MODULES}).*/node_modules/`],
  testEnvironment: 'node',
  injectGlobals: true,
  // A busy machine is no failure: what a test waits for has a deadline of its own, which says what did not come.
  testTimeout: 30_000,
};

const onRealServers = {
  globalSetup: '<rootDir>/test/support/servers/start-stack.ts',
  globalTeardown: '<rootDir>/test/support/servers/stop-stack.ts',
};

/**
 * unit: no server, milliseconds. integration: real PostgreSQL, Redis and Kafka, one stack for the whole run,
 * one database and one topic prefix per file. proof: the judge against right and wrong workers, minutes; not part of
 * `pnpm test`.
 */
module.exports = {
  maxWorkers: 2,
  testSequencer: '<rootDir>/test/support/test-order.cjs',
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: ['\\.(integration|proof)\\.test\\.ts$'],
    },
    {
      ...shared,
      displayName: 'integration',
      testMatch: ['<rootDir>/test/**/*.integration.test.ts'],
      ...onRealServers,
    },
    {
      ...shared,
      displayName: 'proof',
      testMatch: ['<rootDir>/test/**/*.proof.test.ts'],
      ...onRealServers,
    },
  ],
};
