/** Everything known about one batch: what was sent, what is stored, what was published, and how it came about. */
import type { ClientRecord } from '../../run/client-record.ts';
import type { ContentInput, FailureInput, RegistrationInput } from './input-records.ts';
import type { AssignedOutput, CompletedOutput, ExcessOutput } from './output-records.ts';
import type { AuditEntry, BatchRow, ExcessRow, FailureRow, PendingRow, SlotRow } from './rows.ts';

export class BatchEvidence {
  readonly batchId: string;
  readonly registrations: RegistrationInput[] = [];
  readonly contents: ContentInput[] = [];
  readonly failures: FailureInput[] = [];
  row: BatchRow | null = null;
  readonly slots: SlotRow[] = [];
  readonly excess: ExcessRow[] = [];
  readonly failureRows: FailureRow[] = [];
  readonly pending: PendingRow[] = [];
  assigned: AssignedOutput[] = [];
  excessEvents: ExcessOutput[] = [];
  completed: CompletedOutput[] = [];
  /** In the order in which the changes were made. */
  readonly audit: AuditEntry[] = [];
  /** What the client says it sent: invocations and acknowledgements by identity. */
  readonly sent = new Map<string, { invoked: number; acknowledged: number }>();

  /** What clients of gateways wrote down of it, in the order in which they did. */
  readonly clients: ClientRecord[] = [];

  constructor(batchId: string) {
    this.batchId = batchId;
  }

  get isRegistered(): boolean {
    return this.row !== null && this.row.state !== 'announced';
  }

  get filled(): readonly SlotRow[] {
    return this.slots.filter((slot) => slot.textStorageId !== null);
  }

  get openSlots(): readonly SlotRow[] {
    return this.slots.filter((slot) => slot.status === 'open');
  }

  /** By the slots themselves, never by a counter or a state. */
  get isFull(): boolean {
    return this.slots.length > 0 && this.openSlots.length === 0;
  }

  /**
   * An event whose transaction a failover took back says what is not so any more, unless it came about again in the same
   * way. What is so must be said by another event with the same id: only that one is judged.
   */
  dropSuperseded(): void {
    const slots = new Map(this.slots.map((slot) => [slot.essayId, slot.textStorageId]));
    const excess = new Set(this.excess.map((row) => row.textStorageId));
    const isFilled = ({ essays }: CompletedOutput) =>
      essays.length === this.filled.length && essays.every((essay) => slots.get(essay.essayId) === essay.textStorageId);
    this.assigned = this.assigned.filter((each) => !each.wasLost || slots.get(each.essayId) === each.textStorageId);
    this.excessEvents = this.excessEvents.filter((each) => !each.wasLost || excess.has(each.textStorageId));
    this.completed = this.completed.filter((each) => !each.wasLost || isFilled(each));
  }

  auditOf(table: string): readonly AuditEntry[] {
    return this.audit.filter((entry) => entry.table === table);
  }

  /** Slots as they were taken, in order. */
  get takings(): readonly AuditEntry[] {
    return this.auditOf('slots').filter((entry) => entry.operation === 'update' && entry.new?.['status'] !== 'open');
  }

  /** The change that made the batch complete. */
  get completing(): AuditEntry | null {
    const isCompleting = (entry: AuditEntry) =>
      entry.new?.['state'] === 'complete' && entry.old?.['state'] !== 'complete';
    return this.auditOf('batches').find(isCompleting) ?? null;
  }
}

export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

/** What is in one list and not in the other, and what a list holds twice; null when both hold the same, once each. */
export function differenceOf(actual: readonly string[], expected: readonly string[]): string | null {
  const [actualSet, expectedSet] = [new Set(actual), new Set(expected)];
  const describe = (items: readonly string[], what: string) =>
    items.length > 0 ? [`${items.length} ${what} (${items.slice(0, 3).join(', ')})`] : [];
  const parts = [
    ...describe(
      expected.filter((item) => !actualSet.has(item)),
      'missing',
    ),
    ...describe(
      actual.filter((item) => !expectedSet.has(item)),
      'too many',
    ),
    ...describe(
      [...groupBy(actual, (item) => item)].flatMap(([item, all]) => (all.length > 1 ? [item] : [])),
      'twice',
    ),
  ];
  return parts.length > 0 ? parts.join(', ') : null;
}
