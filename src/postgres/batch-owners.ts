/** BatchOwners on PostgreSQL. */
import type { BatchOwner, BatchOwners } from '../domain/access.ts';
import type { Database } from './database.ts';
import { READ_ESSAY_OWNER } from './sql/read-essay-owner.ts';
import { READ_OWNERS } from './sql/read-owners.ts';

interface OwnerRow {
  user_id: string | null;
  org_id: string | null;
}

export class PostgresBatchOwners implements BatchOwners {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  async ofBatches(batchIds: readonly string[]): Promise<ReadonlyMap<string, BatchOwner>> {
    const rows = await this.database.run<OwnerRow & { id: string }>({ name: 'read-owners', text: READ_OWNERS }, [
      batchIds,
    ]);
    return new Map(rows.map((row) => [row.id, ownerOf(row)]));
  }

  async ofEssay(essayId: string): Promise<BatchOwner | null> {
    const statement = { name: 'read-essay-owner', text: READ_ESSAY_OWNER };
    const [row] = await this.database.run<OwnerRow>(statement, [essayId]);
    return row === undefined ? null : ownerOf(row);
  }
}

function ownerOf({ user_id: userId, org_id: orgId }: OwnerRow): BatchOwner {
  return { userId, orgId };
}
