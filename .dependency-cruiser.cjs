/** Who may import whom, each rule with its reason. Run by `pnpm check`. */
const only = (name, pkg, allowed, comment) => ({
  name,
  severity: 'error',
  comment,
  from: { path: '^src', pathNot: allowed },
  to: { path: `node_modules/(${pkg})/` },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', comment: 'Data flows one way; a cycle hides who depends on whom.', from: {}, to: { circular: true } },
    {
      name: 'no-folder-cycles', severity: 'error', scope: 'folder',
      comment: 'A folder is a room with a purpose. Two that need each other are one room with a wall through it: nobody can say which to read first.',
      from: {}, to: { circular: true },
    },
    {
      name: 'artefacts-know-the-contract-only', severity: 'error',
      comment: 'What is generated is the same wherever it is generated: from the contract and the metrics, not from a harness or a process.',
      from: { path: '^artefacts' }, to: { path: '^(src/(?!contract)|distributed|test)' },
    },
    {
      name: 'examples-stand-alone', severity: 'error',
      comment: 'They are there to be copied: what they import of ours would not be there.',
      from: { path: '^examples' }, to: { path: '^(src|distributed|artefacts|test)/' },
    },
    {
      name: 'timing-is-a-leaf', severity: 'error',
      comment: 'Deadlines and repetitions mean the same to every adapter; they know none of them.',
      from: { path: '^src/timing' }, to: { path: '^src/(?!timing)' },
    },
    {
      name: 'connection-is-a-leaf', severity: 'error',
      comment: 'What addresses and certificates mean is the same for settings and every adapter.',
      from: { path: '^src/connection' }, to: { path: '^src/(?!connection)' },
    },
    {
      name: 'domain-is-pure', severity: 'error',
      comment: 'Rules must be testable without any server, clock or package. Why something is set aside is a word of the contract, and one list.',
      from: { path: '^src/domain' }, to: { pathNot: '^src/(domain/|contract/dead-letter-reasons)' },
    },
    {
      name: 'contract-is-a-leaf', severity: 'error',
      comment: 'What crosses a process boundary must not depend on how we are built.',
      from: { path: '^src/contract' }, to: { path: '^src/(?!contract)' },
    },
    {
      name: 'shell-knows-ports-only', severity: 'error',
      comment: 'The worker and the HTTP surface are the same on any database or broker; adapters are given to them.',
      from: { path: '^src/(worker|http)/' }, to: { path: '^src/(postgres|kafka|redis|composition|bin|admin)' },
    },
    {
      name: 'http-is-a-surface', severity: 'error',
      comment: 'Probes and read API serve any process; they know none.',
      from: { path: '^src/http/' }, to: { path: '^src/worker/' },
    },
    {
      name: 'gateway-knows-ports-only', severity: 'error',
      comment: 'It is given its adapters, like the worker; and a gateway that needs a worker in its process could not be scaled alone.',
      from: { path: '^src/gateway/' }, to: { path: '^src/(postgres|kafka|redis|worker|composition|bin|admin)/' },
    },
    {
      name: 'gateway-is-a-leaf', severity: 'error',
      comment: 'Nobody else is made of it: the worker does its work whether or not anybody asks by HTTP.',
      from: { path: '^src/', pathNot: '^src/(gateway/|composition/|bin/bundle-page)' }, to: { path: '^src/gateway/' },
    },
    {
      name: 'admin-knows-ports-only', severity: 'error',
      comment: 'Commands are tested without servers; composition gives them their adapters.',
      from: { path: '^src/admin/' }, to: { path: '^src/(postgres|kafka|redis|worker|composition|bin)' },
    },
    {
      name: 'adapters-know-ports-only', severity: 'error',
      comment: 'An adapter serves a port; it knows neither the shell nor another technology.',
      from: { path: '^src/(postgres|kafka|redis|telemetry)/' },
      to: { path: '^src/(worker|gateway|http|composition|bin|admin)' },
    },
    {
      name: 'adapters-not-each-other', severity: 'error',
      comment: 'One folder per technology, replaceable alone.',
      from: { path: '^src/(postgres|kafka|redis)/' },
      to: { path: '^src/(postgres|kafka|redis)/', pathNot: '^src/$1/' },
    },
    {
      name: 'the-road-goes-one-way', severity: 'error',
      comment: 'Records go from the intake to settling to the outbox; what a later room knows of an earlier one could make it go back.',
      from: { path: '^src/worker/(settle|outbox)/' }, to: { path: '^src/worker/(intake|upkeep)/' },
    },
    { name: 'composition-only-from-bin', severity: 'error', comment: 'Only a program composes.', from: { path: '^src', pathNot: '^src/(bin/|composition)' }, to: { path: '^src/composition' } },
    only('tsyringe-only-in-composition', 'tsyringe|reflect-metadata', '^src/composition', 'Classes stay plain; one room wires them.'),
    only('pg-only-in-postgres', 'pg|drizzle-orm', '^src/postgres', 'SQL lives in one folder.'),
    only('kafkajs-only-in-kafka', 'kafkajs', '^src/kafka', 'An unmaintained client behind a narrow port.'),
    only('ioredis-only-in-redis', 'ioredis', '^src/redis', 'Redis is a hint; nobody else may lean on it.'),
    only('fastify-only-in-http', 'fastify|@fastify/[^/]+', '^src/(http|gateway)/', 'A server framework shapes surfaces, not rules.'),
    only('jose-only-in-access', 'jose', '^src/gateway/access/', 'Who somebody is is decided in one room.'),
    only('ws-only-in-live', 'ws', '^src/gateway/live/', 'Whoever speaks to browsers does so in one room.'),
    only('commander-only-in-admin', 'commander', '^src/(admin|bin)/', 'Arguments are parsed at the edge.'),
    only('opentelemetry-only-in-telemetry', '@opentelemetry', '^src/telemetry', 'Conventions of names change; one file holds them.'),
    only('prom-client-only-in-telemetry', 'prom-client', '^src/telemetry', 'Every metric is declared once.'),
    { name: 'src-is-product', severity: 'error', comment: 'Fault hooks and mutants exist only outside src.', from: { path: '^src' }, to: { path: '^(test|distributed)' } },
    { name: 'harness-is-black-box', severity: 'error', comment: 'The judge shares the wire contract with the judged, nothing else; its report only looks alike.', from: { path: '^distributed', pathNot: '^distributed/bench/programs/floor-' }, to: { path: '^src/(?!contract|gateway/page/theme/)' } },
    {
      name: 'only-floors-are-product', severity: 'error',
      comment: 'A floor is one step of the product by itself, in a process of its own: nobody imports it.',
      from: { path: '^(src|distributed)' }, to: { path: '^distributed/bench/programs/floor-' },
    },
    { name: 'harness-not-tests', severity: 'error', comment: 'Tests test the harness, not the other way round.', from: { path: '^distributed' }, to: { path: '^test' } },
    { name: 'no-orphans', severity: 'error', comment: 'A file nobody imports is dead or misplaced.', from: { orphan: true, path: '^(src|distributed)', pathNot: '/bin/' }, to: {} },
    { name: 'resolvable', severity: 'error', comment: 'An import must exist and be declared.', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.cjs', '.json'], conditionNames: ['import', 'require', 'node', 'default'], exportsFields: ['exports'] },
  },
};
