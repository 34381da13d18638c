/**
 * Tells the other gateways that this one is there and how much it has to do; whoever operates them asks any of them. A
 * gateway that dies without a word is believed for 45 s after its last one.
 */
import type { FastifyInstance } from 'fastify';
import type { GatewaysBody } from '../../contract/http.ts';
import type { GatewayPresence } from '../../domain/live.ts';
import { AppError } from '../../errors.ts';
import type { Service } from '../../lifecycle.ts';
import { Repeating } from '../../timing/repeating.ts';
import type { LiveConnections } from './live-connections.ts';
import type { WatchHub } from './watch-hub.ts';

const ANNOUNCE_MS = 2000;
const BELIEVED_MS = 45_000;

export interface PresenceDeps {
  readonly presence: GatewayPresence;
  readonly instance: string;
  readonly connections: LiveConnections;
  readonly hub: WatchHub;
  onFailure: (error: unknown) => void;
}

export class Presence implements Service {
  readonly name = 'presence';
  private readonly deps: PresenceDeps;
  private readonly repeating: Repeating;

  constructor(deps: PresenceDeps) {
    this.deps = deps;
    this.repeating = new Repeating(() => this.announce(), ANNOUNCE_MS, deps.onFailure);
  }

  async start(): Promise<void> {
    await this.announce();
    this.repeating.start();
  }

  async stop(): Promise<void> {
    await this.repeating.stop();
    await this.deps.presence.withdraw(this.deps.instance);
  }

  async all(): Promise<GatewaysBody['gateways']> {
    const found = await this.deps.presence.all();
    if (found === undefined) throw new AppError('UNAVAILABLE', 'Redis does not answer, which knows the gateways');
    return found.map(({ instance, connections, watchedBatches }) => {
      return { instance, connections, watched_batches: watchedBatches };
    });
  }

  private announce(): Promise<void> {
    const { presence, instance, connections, hub } = this.deps;
    return presence.announce({ instance, connections: connections.size, watchedBatches: hub.size }, BELIEVED_MS);
  }
}

export function addGatewaysRoute(server: FastifyInstance, presence: Presence): void {
  server.get('/v1/gateways', async (): Promise<GatewaysBody> => ({ gateways: await presence.all() }));
}
