/**
 * The recorded defects of the service that ours replaces. Each scenario runs twice, step for step the same: against our
 * code, where it must end right, and against a miniature of the original, where it must show the defect; otherwise the
 * scenario would prove nothing. Interleavings are made by hand, by stopping an event at a point and watching who waits.
 */
import { Observer } from '../support/batch/held-transaction.ts';
import { type CompletionRule, OriginalSlotService } from '../support/batch/original-service.ts';
import { PostgresBatchSystem } from '../support/batch/postgres-batch-system.ts';
import {
  OurSlotService,
  type Outcome,
  type Pause,
  type PausePoint,
  type SlotService,
} from '../support/batch/slot-service.ts';
import { counted } from '../support/servers/open-database.ts';
import { createTestDatabase } from '../support/servers/servers.ts';
import { waitFor } from '../support/wait-for.ts';

jest.setTimeout(60_000);

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let system: PostgresBatchSystem;
let observer: Observer;

beforeAll(async () => {
  database = await createTestDatabase();
  system = new PostgresBatchSystem(database.databaseUrl, 3);
  observer = new Observer(database.databaseUrl);
  await observer.connect();
});

afterAll(async () => {
  await observer.close();
  await system.close();
  await database.drop();
});

interface Scenario {
  readonly name: string;
  /** The original completed batches by counting; which way matters to some scenarios only. */
  readonly rule?: CompletionRule;
  readonly run: (service: SlotService) => Promise<void>;
  readonly right: Partial<Outcome>;
  readonly defect: Partial<Outcome>;
}

/** Two contents for the last two slots: the first stops at the point, the second goes as far as it can. */
const lastTwoSlots =
  (point: PausePoint) =>
  async (service: SlotService): Promise<void> => {
    await service.register('b', 2);
    const stop = new StopAt(point);
    const first = service.content('b', 'x', stop.pause);
    await stop.reached();
    const second = service.content('b', 'y');
    await doneOrWaiting(second);
    stop.proceed();
    await Promise.all([first, second]);
  };

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'open slots counted in the transaction, without a lock: the completion is missed',
    rule: 'count-in-transaction',
    run: lastTwoSlots('before-commit'),
    right: { openCount: 0, completionCount: 1 },
    defect: { openCount: 0, completionCount: 0 },
  },
  {
    name: 'open slots counted after the commit: the batch completes twice',
    rule: 'commit-then-count',
    run: lastTwoSlots('before-completion'),
    right: { openCount: 0, completionCount: 1 },
    defect: { openCount: 0, completionCount: 2 },
  },
  {
    name: 'completed where no open slot is seen: the completion is missed',
    rule: 'conditional-update',
    run: lastTwoSlots('before-commit'),
    right: { openCount: 0, completionCount: 1 },
    defect: { openCount: 0, completionCount: 0 },
  },
  {
    name: 'a registration between "unknown batch" and "store as pending": the content is stranded',
    run: async (service) => {
      const stop = new StopAt('before-pending');
      const early = service.content('b', 'x', stop.pause);
      await stop.reached();
      await service.register('b', 1);
      stop.proceed();
      await early;
    },
    right: { assigned: ['x'], pending: [], completionCount: 1 },
    defect: { assigned: [], pending: ['x'], completionCount: 0 },
  },
  {
    name: 'no slot because all are locked is taken for full: false excess',
    run: async (service) => {
      await service.register('b', 1);
      const stop = new StopAt('before-commit');
      const first = service.content('b', 'x', stop.pause);
      await stop.reached();
      const second = service.content('b', 'y');
      await doneOrWaiting(second);
      stop.undo();
      await expect(first).rejects.toThrow('rolled back on purpose');
      await second;
    },
    right: { assigned: ['y'], openCount: 0, excess: [] },
    defect: { assigned: [], openCount: 1, excess: ['y'] },
  },
  {
    name: 'the winner commits between "who has it?" and "is it full?": its duplicate is called excess',
    run: async (service) => {
      await service.register('b', 1);
      const stop = new StopAt('before-commit');
      const winner = service.content('b', 'x', stop.pause);
      await stop.reached();
      const stopTwin = new StopAt('before-verdict');
      const twin = service.content('b', 'x', stopTwin.pause);
      await stopTwin.reached();
      stop.proceed();
      await winner;
      stopTwin.proceed();
      await twin;
    },
    right: { assigned: ['x'], excess: [], completionCount: 1 },
    defect: { assigned: ['x'], excess: ['x'] },
  },
  {
    name: 'a failure before the registration is lost',
    run: async (service) => {
      await service.failure('b', 'f');
      await service.register('b', 1);
    },
    right: { burntCount: 1, completionCount: 1 },
    defect: { burntCount: 0, completionCount: 0 },
  },
  {
    name: 'a pending content that finds no slot stays pending for ever',
    run: async (service) => {
      await service.content('b', 'x');
      await service.content('b', 'y');
      await service.register('b', 1);
    },
    right: { assigned: ['x'], pending: [], excess: ['y'] },
    defect: { assigned: ['x'], pending: ['y'], excess: [] },
  },
  {
    name: 'a pending content that is assigned before it is drained stays pending for ever',
    run: async (service) => {
      await service.content('b', 'x');
      const stop = new StopAt('before-drain');
      const registered = service.register('b', 2, stop.pause);
      await Promise.race([stop.reached(), registered]);
      await service.content('b', 'x');
      stop.proceed();
      await registered;
    },
    right: { assigned: ['x'], pending: [] },
    defect: { assigned: ['x'], pending: ['x'] },
  },
  {
    name: 'a redelivered content publishes its assignment and the completion again',
    run: async (service) => {
      await service.register('b', 1);
      await service.content('b', 'x');
      await service.content('b', 'x');
    },
    right: { assignedEventCount: 1, completionCount: 1 },
    defect: { assignedEventCount: 2, completionCount: 2 },
  },
  {
    name: 'a failure does not count towards completion',
    run: async (service) => {
      await service.register('b', 2);
      await service.content('b', 'x');
      await service.failure('b', 'f');
    },
    right: { completionCount: 1, openCount: 0 },
    defect: { completionCount: 0, openCount: 1 },
  },
  {
    name: 'a redelivered failure counts twice',
    run: async (service) => {
      await service.register('b', 3);
      await service.failure('b', 'f');
      await service.failure('b', 'f');
    },
    right: { burntCount: 1 },
    defect: { burntCount: 2 },
  },
  {
    name: 'a repeated registration fails and drains nothing',
    run: async (service) => {
      await service.register('b', 1);
      await service.strand('b', 'x');
      await service.register('b', 1).catch(() => {});
    },
    right: { assigned: ['x'], pending: [], completionCount: 1 },
    defect: { assigned: [], pending: ['x'], completionCount: 0 },
  },
];

describe.each(SCENARIOS)('$name', ({ run, right, defect, rule }) => {
  test('not with us', async () => {
    await system.reset();
    const service = new OurSlotService(system);
    await run(service);
    expect(await service.outcome('b')).toMatchObject(right);
  });

  test('the original does it', async () => {
    const service = new OriginalSlotService(database.databaseUrl, rule ?? 'commit-then-count');
    try {
      await service.reset();
      await run(service);
      expect(await service.outcome('b')).toMatchObject(defect);
    } finally {
      await service.close();
    }
  });
});

/** Stops an event at the point when it first comes to it, until told how to go on. */
class StopAt {
  readonly pause: Pause;
  proceed: () => void = () => {};
  /** Makes the stopped event fail, so that its transaction is rolled back. */
  undo: () => void = () => {};
  private readonly arrival: Promise<void>;

  constructor(point: PausePoint) {
    const gate = new Promise<void>((resolve, reject) => {
      this.proceed = resolve;
      this.undo = () => reject(new Error('rolled back on purpose'));
    });
    let arrive: () => void = () => {};
    this.arrival = new Promise((resolve) => {
      arrive = resolve;
    });
    let stopped = false;
    this.pause = async (at) => {
      if (stopped || at !== point) return;
      stopped = true;
      arrive();
      await gate;
    };
  }

  reached(): Promise<void> {
    return this.arrival;
  }
}

/** Until the event is through, waits for somebody's lock, or has found its batch busy. */
async function doneOrWaiting(event: Promise<void>): Promise<void> {
  const looks = async (): Promise<number> => {
    const counts = await Promise.all(system.instances.map(({ metrics }) => counted(metrics.undecided)));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  const before = await looks();
  await doneOr(event, async () => (await observer.blockedCount()) === 1 || (await looks()) > before);
}

async function doneOr(event: Promise<void>, condition: () => Promise<boolean>): Promise<void> {
  let done = false;
  const over = event.finally(() => {
    done = true;
  });
  over.catch(() => {});
  await waitFor(async () => done || (await condition()), { deadlineMs: 20_000, what: 'the event ends or waits' });
}
