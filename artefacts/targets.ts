/**
 * The numbers the service is held to, once: dashboards draw them, a test holds the alerts to them, gates of the
 * harness compare with them. Each says where it is demanded.
 */
export const TARGETS = {
  /** Promised to users: from the last content to the announced completion. */
  coordinationSecondsMax: 1,
  /** Aimed at: the same at the 99th percentile at half capacity. */
  completionP99SecondsMax: 0.05,
  /** Promised to users: 95th percentile of Redis operations under load. */
  redisOperationP95SecondsMax: 0.1,
  /** Promised to users: average of database operations. */
  databaseOperationAverageSecondsMax: 0.2,
  /** Promised to users; and every valid input has its disposition. */
  successShareMin: 0.95,
  /** Promised to users, then aimed at: throughput of several instances over that of one. */
  capacityOfThreeMin: { promised: 1.5, aimed: 2.8 },
  capacityOfFiveMin: { promised: 2, aimed: 4.5 },
  /** Aimed at: resident memory with batches of 10 and of 100 000 slots differs by less. */
  memoryShareOfBatchSizeMax: 0.05,
  /** Aimed at: of a worker that cannot get rid of what it has; most of it then, over the most before. */
  memoryBesideTroubleMax: 1.5,
  /** Aimed at: of a worker under a load that goes on. */
  memoryGrowthPercentPerMinuteMax: 1,
  /** Aimed at: the same, of files and sockets; a connection may be under way at either look. */
  openFilesGrowthMax: 5,
  /** Promised to operators: DATABASE_POOL_MAX as it is set by default, and six. */
  sessionsOfWorkerMax: 10,
  /** Aimed at: workers that are asked to stop hand over what they have. */
  redeliveriesByPlannedRestartMax: 0,
  /** Aimed at: of everything else beside one held batch, one sick partition, after one idle crash; over without. */
  throughputBesideTroubleMin: 0.8,
  /** Aimed at: from a server that stops or hangs until work goes on as before, by other servers. */
  recoverySecondsMax: 10,
  /** Aimed at: from the end of a worker without a farewell until others, or it itself, go on in every partition. */
  takeoverSecondsMax: 20,
  /** Aimed at: under a steady load, while the clocks of workers are wrong. */
  stillBesideClockSecondsMax: 2,
  /** Aimed at: what has piled up for 30 s is done in as long. */
  caughtUpSecondsMax: 30,
  /** Aimed at: over a line of 30 kB/s an answer with 64 KiB of each of nine partitions takes 20 s, and then there is work. */
  stillBesideNarrowLineSecondsMax: 25,
  /** Aimed at: from a fault until every worker that needs what is broken says so by HTTP, and until an alert fires. */
  noticedSecondsMax: 10,
  /** Aimed at: from the death of the leader of Kafka's metadata quorum to another, with a session of 3 s. */
  quorumLeaderSecondsMax: 5,
  /** Promised to operators: from Kafka's new leaders, after a broker died, to records settled and events written. */
  consumingAfterNewLeaderSecondsMax: 5,
  publishingAfterNewLeaderSecondsMax: 3,
  /** Promised to operators: from the promotion of a standby to the first commit on it. */
  writesAfterPromotionSecondsMax: 3,
  /** Promised to users of gateways: from a change of a batch until those who watch it have heard, with 1 000 sockets. */
  liveChangeP99SecondsMax: 0.1,
  /** Promised to users of gateways: of those who watch a batch, so many hear of a change. */
  liveToldShare: 1,
  /** Aimed at: figures of the harness and of a foreign load tool for the same posts, the larger over the smaller. */
  loadToolRatioMax: 1.5,
  /** Promised to operators of gateways: memory for each of 10 000 sockets, above what a gateway has without any. */
  liveSocketBytesMax: 10_240,
  /** Promised to users of gateways: the same by polling, while Redis is away. */
  liveChangePolledP99SecondsMax: 2,
  /** Promised to users of gateways: of posts that are as they should be. */
  postErrorShareMax: 0,
  /** Promised to users of gateways: a post until it is accepted, also while something is broken that it does not need. */
  postP99SecondsMax: 0.1,
  /** Promised to operators of gateways: from the last sign of a client, or of a gateway, until nobody counts it. */
  staleSessionSecondsMax: 60,
  /** Promised to operators of gateways: the average answer of the balancer itself, and of a gateway behind it. */
  balancerSecondsAverageMax: 0.05,
  gatewaySecondsAverageMax: 0.1,
  /** Promised to operators of gateways: of a core, with a third of 1 000 sockets that change ten times a second. */
  gatewayCpuMax: 0.8,
  /** Promised to operators of gateways: no one of three gateways answers more of the requests. */
  gatewayShareMax: 0.5,
  /** Aimed at: in runs without faults. */
  deadlocksMax: 0,
  reconcilerRepairsMax: 0,
} as const;

/**
 * Where an operator should look, beyond the promises above: chosen, not demanded. They are bounds of the service's own
 * settings where it has such.
 */
export const OPERATING_LIMITS = {
  /** A row is leased for 10 s and polled every second: one this old was passed over by several. */
  outboxAgeSecondsMax: 60,
  publishDelayP99SecondsMax: 1,
  pendingAgeSecondsMax: 3_600,
  /** A registration is sent with the upload; one that is a day late was never sent. */
  announcedAgeSecondsMax: 86_400,
  /** A teacher who has not uploaded the rest in two weeks will not. */
  openAgeSecondsMax: 1_209_600,
  /** Longer than any limit of a transaction of ours: a session that nobody ends. */
  heldBatchSecondsMax: 60,
  /** Inputs whose batch was in other hands. */
  undecidedShareMax: 0.2,
  /** Assignment transactions that met a conflict. */
  conflictShareMax: 0.1,
  /** The session lasts 10 s and a heartbeat must fit in several times. */
  eventLoopLagSecondsMax: 0.5,
  lagRecordsMax: 1_000,
  connectionShareMax: 0.8,
} as const;
