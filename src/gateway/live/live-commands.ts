/**
 * What the client of a connection for many batches says: which batch it watches from which version on, and which no more.
 * Commands are done one after the other, in order. One that cannot be done is answered and harms no other batch; a client
 * that does not speak the protocol, or does not wait, is sent away.
 */
import { type LiveRefusal, liveCommand } from '../../contract/live.ts';
import { ID_LENGTH_MAX, isUsableId } from '../../contract/text.ts';
import { refusalOf } from '../../http/error-reply.ts';
import { noSuch } from '../access/refusals.ts';
import type { Opened } from './live-connections.ts';
import { tooManyWatches } from './live-requests.ts';

const WAITING_MAX = 1000;

export interface LiveCommandsDeps {
  readonly opened: Opened;
  sees(batchId: string): Promise<boolean>;
  answer(text: string): void;
}

export class LiveCommands {
  private readonly deps: LiveCommandsDeps;
  private waitingCount = 0;
  private last: Promise<void> = Promise.resolve();

  constructor(deps: LiveCommandsDeps) {
    this.deps = deps;
  }

  /** Why its sender is to be sent away; null: he is not. */
  take(text: string): string | null {
    const command = parsed(text);
    if (command === undefined) return 'not a command';
    if (this.waitingCount >= WAITING_MAX) return 'too many commands at once';
    this.waitingCount += 1;
    this.last = this.last.then(async () => {
      try {
        if (command.type === 'unwatch') this.deps.opened.unwatch(command.batch_id);
        else await this.watch(command.batch_id, command.after ?? null);
      } catch (error) {
        this.refuse(command.batch_id, error);
      }
      this.waitingCount -= 1;
    });
    return null;
  }

  private async watch(batchId: string, after: number | null): Promise<void> {
    if (!(await this.deps.sees(batchId))) throw noSuch('batch');
    if (!this.deps.opened.watch(batchId, after)) throw tooManyWatches();
  }

  private refuse(batchId: string, error: unknown): void {
    const { status, message } = refusalOf(error);
    const refusal: LiveRefusal = { type: 'refused', batch_id: batchId, status, message };
    this.deps.answer(JSON.stringify(refusal));
  }
}

function parsed(text: string) {
  try {
    const { data } = liveCommand.safeParse(JSON.parse(text));
    return data !== undefined && isUsableId(data.batch_id, ID_LENGTH_MAX) ? data : undefined;
  } catch {
    return undefined;
  }
}
