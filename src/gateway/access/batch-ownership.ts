/**
 * Whether somebody sees a batch. An owner never changes, so it is asked for once; a batch that has none yet, or is not
 * there, is asked for again.
 */
import type { BatchOwner, BatchOwners } from '../../domain/access.ts';
import { BoundedMap } from '../bounded-map.ts';
import { type Principal, sees, viewerOf } from './principal.ts';

const REMEMBERED_MAX = 10_000;

export class BatchOwnership {
  private readonly owners: BatchOwners;
  private readonly known = new BoundedMap<BatchOwner>(REMEMBERED_MAX);

  constructor(owners: BatchOwners) {
    this.owners = owners;
  }

  async sees(principal: Principal, batchId: string): Promise<boolean> {
    if (viewerOf(principal) === null) return true;
    const known = this.known.get(batchId);
    if (known !== undefined) return sees(principal, known);
    const owner = (await this.owners.ofBatches([batchId])).get(batchId);
    if (owner !== undefined && owner.userId !== null) this.known.set(batchId, owner);
    return sees(principal, owner);
  }

  async seesEssay(principal: Principal, essayId: string): Promise<boolean> {
    return viewerOf(principal) === null || sees(principal, await this.owners.ofEssay(essayId));
  }
}
