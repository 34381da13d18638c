/**
 * What to tell who knows a version of a batch that has moved on: `changes` exactly from that version on, every version in
 * between once and in order, or nothing where they are not all there (erased, or a database that has lost some); then a
 * snapshot takes their place. Texts are made once for all who know the same version.
 */
import { isoTime } from '../../contract/http.ts';
import type { LiveMessage } from '../../contract/live.ts';
import type { BatchProgress, SlotChange } from '../../domain/live.ts';

/** Of one message, and what it makes of the version of who gets it. */
export interface LiveTexts {
  readonly type: LiveMessage['type'];
  readonly version: number;
  readonly json: string;
}

export class LiveMessages {
  private readonly progress: BatchProgress;
  private readonly made = new Map<number | null, LiveTexts | undefined>();

  /** Its slots reach back to the lowest version that anybody knows who is told of it. */
  constructor(progress: BatchProgress) {
    this.progress = progress;
  }

  get version(): number {
    return this.progress.version;
  }

  get state(): BatchProgress['state'] {
    return this.progress.state;
  }

  /** For who knows `version`; null: knows nothing, and gets a snapshot. Undefined where it cannot go on from there. */
  since(version: number | null): LiveTexts | undefined {
    if (!this.made.has(version)) this.made.set(version, this.make(version));
    return this.made.get(version);
  }

  /** Undefined unless it is complete. */
  complete(): LiveTexts | undefined {
    const { state, completedAtMs, batchId, version } = this.progress;
    if (state !== 'complete' || completedAtMs === null) return undefined;
    return texts({ type: 'complete', batch_id: batchId, version, completed_at: isoTime(completedAtMs) }, version);
  }

  private make(from: number | null): LiveTexts | undefined {
    const { version: to, slots } = this.progress;
    if (from === null) {
      return texts({ type: 'snapshot', ...this.counts(), version: to, slots: slots.map(slotBody) }, to);
    }
    const missed = slots.filter(({ version }) => version > from);
    if (from > to || missed.length !== to - from) return undefined;
    return texts({ type: 'changes', ...this.counts(), from, to, slots: missed.map(slotBody) }, to);
  }

  private counts() {
    const { batchId, state, expectedCount, openCount, filledCount, failedCount } = this.progress;
    return {
      batch_id: batchId,
      state,
      expected_count: expectedCount,
      open: openCount,
      filled: filledCount,
      failed: failedCount,
    };
  }
}

function texts(message: LiveMessage, version: number): LiveTexts {
  return { type: message.type, version, json: JSON.stringify(message) };
}

function slotBody(slot: SlotChange) {
  return {
    version: slot.version,
    essay_id: slot.essayId,
    position: slot.position,
    status: slot.status,
    text_storage_id: slot.textStorageId,
    file_upload_id: slot.fileUploadId,
    original_file_name: slot.originalFileName,
    assigned_at: isoTime(slot.assignedAtMs),
    assigned_by: slot.assignedBy,
  };
}
