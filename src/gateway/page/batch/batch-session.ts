/**
 * Watches one batch: live messages for its slots, and its status now and then for what these do not tell. The status is
 * also the check on the line: an answer that knows more than the line has told for a while, or none at all, means that
 * the line is dead though nobody has closed it.
 */
import type { BatchListBody, BatchListItem, BatchStatusBody } from '../../../contract/http.ts';
import type { LiveMessage } from '../../../contract/live.ts';
import type { Connection } from '../api/connection.ts';
import { LiveChannel } from '../api/live-channel.ts';
import { RepeatedQuestion } from '../api/repeated-question.ts';
import { type ApiProblem, ask, problemFrom } from '../api/requests.ts';
import { BatchModel } from './batch-model.ts';

const STATUS_MS = 8000;
const STATUS_AFTER_CHANGE_MS = 2000;
const STATUS_AFTER_PROBLEM_MS = 3000;

export class BatchSession {
  readonly batchId: string;
  readonly model = new BatchModel();
  connection: Connection = { kind: 'connecting' };
  /** Why the status is not known. */
  problem: ApiProblem | null = null;
  /** What only the list tells: owner and course. */
  listed: BatchListItem | null = null;
  private readonly onChange: () => void;
  private readonly channel: LiveChannel;
  private readonly status: RepeatedQuestion;
  private versionAtLastAnswer = 0;
  private frame: number | undefined;

  constructor(batchId: string, onChange: () => void) {
    this.batchId = batchId;
    this.onChange = onChange;
    this.channel = new LiveChannel({
      batchId,
      version: () => this.model.version,
      onMessage: (message) => this.take(message),
      onConnection: (connection) => {
        this.connection = connection;
        this.tell();
      },
    });
    this.status = new RepeatedQuestion((signal) => this.askStatus(signal));
  }

  retryNow(): void {
    this.channel.retryNow();
    this.status.soon(0);
  }

  close(): void {
    this.channel.close();
    this.status.stop();
    if (this.frame !== undefined) cancelAnimationFrame(this.frame);
  }

  private take(message: LiveMessage): void {
    if (!this.model.take(message)) {
      this.model.version = null;
      this.channel.distrust();
    }
    this.status.soon(STATUS_AFTER_CHANGE_MS);
    this.tell();
  }

  private async askStatus(signal: AbortSignal): Promise<number> {
    const path = `/v1/batches/${encodeURIComponent(this.batchId)}/status`;
    try {
      const { body, clockAheadMs } = await ask<BatchStatusBody>(path, signal);
      this.model.takeStatus(body, clockAheadMs);
      this.problem = null;
      this.checkLine();
      if (this.listed === null && body.registered_at !== null) await this.askOwner(signal);
      return STATUS_MS;
    } catch (error) {
      if (signal.aborted) return STATUS_MS;
      const problem = problemFrom(error);
      if (problem.kind === 'away') this.channel.distrust();
      if (problem.kind !== 'busy') this.problem = problem;
      return STATUS_AFTER_PROBLEM_MS;
    } finally {
      this.tell();
    }
  }

  /** The version of the answer before: the line has had all the time since to tell it. */
  private checkLine(): void {
    if ((this.model.version ?? 0) < this.versionAtLastAnswer) this.channel.distrust();
    this.versionAtLastAnswer = this.model.status?.version ?? 0;
  }

  private async askOwner(signal: AbortSignal): Promise<void> {
    const { body } = await ask<BatchListBody>(`/v1/batches?limit=1&q=${encodeURIComponent(this.batchId)}`, signal);
    this.listed = body.batches.find(({ batch_id }) => batch_id === this.batchId) ?? null;
  }

  /** Once for all that comes between two frames. */
  private tell(): void {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.onChange();
    });
  }
}
