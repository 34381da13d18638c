/**
 * Remembers what was sent under the last idempotency keys of this process, so that a key used again for something else
 * is told. It is a courtesy: two gateways, or a restarted one, do not tell, and then the other body has ids of its own.
 */
import { BoundedMap } from '../bounded-map.ts';

export class RecentKeys {
  private readonly bodies: BoundedMap<string>;

  constructor(keysMax: number) {
    this.bodies = new BoundedMap(keysMax);
  }

  /** False when another body came under this key. */
  agrees(key: string, bodyDigest: string): boolean {
    const known = this.bodies.get(key);
    if (known !== undefined && known !== bodyDigest) return false;
    this.bodies.delete(key);
    this.bodies.set(key, bodyDigest);
    return true;
  }
}
