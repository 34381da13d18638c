/**
 * Where the service has got to in each inbound partition: the positions that are committed with the work, in the database.
 * A look that fails ends its connection; the next one makes another.
 */
import { Client } from 'pg';

const ANSWER_MS_MAX = 1_000;

export interface Position {
  readonly topic: string;
  readonly partition: number;
  /** Everything before this offset is settled. */
  readonly next: number;
}

export class PositionReader {
  private readonly databaseUrl: string;
  private client: Client | null = null;

  constructor(databaseUrl: string) {
    this.databaseUrl = databaseUrl;
  }

  async read(): Promise<Position[]> {
    try {
      const client = this.client ?? (await this.connect());
      const { rows } = await client.query<{ topic: string; partition: number; offset_next: string }>(
        'select topic, partition, offset_next from partition_progress',
      );
      return rows.map(({ topic, partition, offset_next }) => ({ topic, partition, next: Number(offset_next) }));
    } catch (error) {
      this.leave();
      throw error;
    }
  }

  /** Without waiting: a server that hangs would not let it go. */
  leave(): void {
    void this.client?.end().catch(() => undefined);
    this.client = null;
  }

  private async connect(): Promise<Client> {
    const client = new Client({
      connectionString: this.databaseUrl,
      application_name: 'harness-positions',
      connectionTimeoutMillis: ANSWER_MS_MAX,
      query_timeout: ANSWER_MS_MAX,
    });
    client.on('error', () => undefined);
    this.client = client;
    await client.connect();
    return client;
  }
}
