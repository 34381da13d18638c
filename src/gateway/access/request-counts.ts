/**
 * How many requests somebody made in this window: by all gateways together where that can be known, else by this one. As
 * a store of @fastify/rate-limit.
 */
import type { SharedCounter, WindowCount } from '../../domain/access.ts';
import { BoundedMap } from '../bounded-map.ts';

const REMEMBERED_MAX = 10_000;

type Answer = (error: Error | null, result?: { current: number; ttl: number }) => void;

interface Window {
  count: number;
  readonly endsAtMs: number;
}

export class RequestCounts {
  private readonly shared: SharedCounter;
  private readonly windowMs: number;
  private readonly own = new BoundedMap<Window>(REMEMBERED_MAX);

  constructor(shared: SharedCounter, windowMs: number) {
    this.shared = shared;
    this.windowMs = windowMs;
  }

  async count(key: string): Promise<WindowCount> {
    // Also while others are asked: when they go away, nobody begins anew.
    const own = this.countOwn(key);
    const shared = await this.shared.count(key, this.windowMs);
    return shared === undefined || shared.count < own.count ? own : shared;
  }

  incr(key: string, answer: Answer): void {
    this.count(key).then(
      ({ count, endsInMs }) => answer(null, { current: count, ttl: endsInMs }),
      (error: Error) => answer(error),
    );
  }

  child(): this {
    return this;
  }

  private countOwn(key: string): WindowCount {
    const nowMs = performance.now();
    let window = this.own.get(key);
    if (window === undefined || window.endsAtMs <= nowMs) {
      this.own.delete(key);
      window = { count: 0, endsAtMs: nowMs + this.windowMs };
      this.own.set(key, window);
    }
    window.count += 1;
    return { count: window.count, endsInMs: window.endsAtMs - nowMs };
  }
}
