/**
 * What the service is told, after parsing and before deciding. Every id has passed validation: well-formed Unicode,
 * no control characters, 1-200 characters. `traceparent` and `tracestate` are the W3C trace context that the outbound
 * events it causes carry on: the inbound record's, or that of our own span in the same trace.
 */
export interface Registration {
  readonly kind: 'registration';
  readonly batchId: string;
  /** The slots, in the order in which they are filled. Distinct, 1..maxSlots. */
  readonly essayIds: readonly string[];
  readonly courseCode: string;
  readonly userId: string;
  readonly orgId: string | null;
  readonly classId: string | null;
  /** Kept as given; part of the registration's identity. JSON value. */
  readonly studentPromptRef: unknown;
  readonly correlationId: string;
  readonly traceparent: string | null;
  readonly tracestate?: string | null | undefined;
}

/** A stored text that wants a slot. Identity: batchId + textStorageId. */
export interface Content {
  readonly kind: 'content';
  readonly batchId: string;
  readonly textStorageId: string;
  readonly fileUploadId: string;
  readonly originalFileName: string;
  readonly correlationId: string;
  readonly traceparent: string | null;
  readonly tracestate?: string | null | undefined;
  /** See InboundRecord. */
  readonly receivedAtMs?: number | undefined;
}

/** A file that did not validate and burns an open slot. Identity: batchId + fileUploadId. */
export interface Failure {
  readonly kind: 'failure';
  readonly batchId: string;
  readonly fileUploadId: string;
  readonly originalFileName: string;
  readonly errorCode: string;
  readonly errorMessage: string;
  readonly correlationId: string;
  readonly traceparent: string | null;
  readonly tracestate?: string | null | undefined;
  /** See InboundRecord. */
  readonly receivedAtMs?: number | undefined;
}

/** Inputs that compete for the slots of a batch. */
export type SlotInput = Content | Failure;
export type Input = Registration | SlotInput;

/** The id by which a repeated slot input is recognised within its batch. */
export function identityOf(input: SlotInput): string {
  return input.kind === 'content' ? input.textStorageId : input.fileUploadId;
}

/**
 * What became of an input; every input record ends in exactly one of these or in the dead-letter topic (rejected).
 * `registered` is the first registration of a batch; an identical repeat is a `duplicate`, a different one `rejected`.
 */
export type Disposition =
  | 'registered'
  | 'assigned'
  | 'duplicate'
  | 'excess'
  | 'pending'
  | 'failed'
  | 'ignored'
  | 'rejected';
