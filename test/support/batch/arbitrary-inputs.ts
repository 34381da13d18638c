/**
 * Arbitrary inputs of few batches with few identities, so that every collision the rules speak of is frequent: repeats,
 * the same text from another upload, failures of uploads with content, content before its registration, registrations
 * repeated, reordered, changed, or asking for another batch's slots.
 */
import fc from 'fast-check';
import type { Input, Registration } from '../../../src/domain/inputs.ts';
import { content, failure, registration } from './sample-inputs.ts';

const SLOT_COUNTS = [1, 2, 4] as const;

const batchIndex = fc.nat({ max: SLOT_COUNTS.length - 1 });
const name = fc.nat({ max: 5 });
/** Whether an input is the same in everything or has a file name and correlation of its own. */
const variant = fc.nat({ max: 1 });

const contentInput = fc
  .tuple(batchIndex, name, fc.option(name, { freq: 4 }), variant)
  .map(([batch, text, upload, copy]) =>
    content(`batch-${batch}`, `name-${text}`, {
      fileUploadId: `name-${upload ?? text}`,
      originalFileName: `${copy}.docx`,
      correlationId: `content ${text} ${copy}`,
    }),
  );

const failureInput = fc
  .tuple(batchIndex, name, variant)
  .map(([batch, upload, copy]) =>
    failure(`batch-${batch}`, `name-${upload}`, { correlationId: `failure ${upload} ${copy}` }),
  );

type RegistrationKind = 'plain' | 'reordered' | 'changed' | 'foreign';

function registrationOf(batch: number, kind: RegistrationKind): Registration {
  const slotCount = SLOT_COUNTS[batch] ?? 1;
  const plain = registration(`batch-${batch}`, slotCount, { correlationId: `registration ${kind}` });
  if (kind === 'reordered') return { ...plain, essayIds: [...plain.essayIds].reverse() };
  if (kind === 'changed') return { ...plain, courseCode: 'ENG6' };
  if (kind === 'foreign') return { ...plain, essayIds: [`batch-${(batch + 1) % SLOT_COUNTS.length}-e0`, 'spare'] };
  return plain;
}

const agreeingRegistration = fc
  .tuple(batchIndex, fc.constantFrom<RegistrationKind>('plain', 'plain', 'reordered'))
  .map(([batch, kind]) => registrationOf(batch, kind));

const anyRegistration = fc
  .tuple(batchIndex, fc.constantFrom<RegistrationKind>('plain', 'plain', 'plain', 'reordered', 'changed', 'foreign'))
  .map(([batch, kind]) => registrationOf(batch, kind));

/** Anything in any order. */
export const anyInputs: fc.Arbitrary<Input[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: contentInput },
    { weight: 2, arbitrary: failureInput },
    { weight: 3, arbitrary: anyRegistration },
  ),
  { maxLength: 40, size: 'max' },
);

/** Inputs whose order decides only which content gets which slot, not how many there are of anything. */
export const orderFreeInputs: fc.Arbitrary<Input[]> = fc.array(
  fc.oneof({ weight: 5, arbitrary: contentInput }, { weight: 1, arbitrary: agreeingRegistration }),
  { maxLength: 60, size: 'max' },
);

/** Inputs of one instance, cut into groups that it handles one after the other. */
export type Lane = readonly (readonly Input[])[];

/** Deals inputs to lanes and cuts each lane into groups. */
export function dealt(inputs: fc.Arbitrary<Input[]>, laneCount: number): fc.Arbitrary<Lane[]> {
  return inputs.chain((all) =>
    fc
      .array(fc.tuple(fc.nat({ max: laneCount - 1 }), fc.nat({ max: 3 })), {
        minLength: all.length,
        maxLength: all.length,
      })
      .map((deals) => {
        const lanes = Array.from({ length: laneCount }, (): Input[][] => [[]]);
        all.forEach((input, index) => {
          const [laneIndex, cut] = deals[index] ?? [0, 0];
          const lane = lanes[laneIndex] ?? [];
          // One deal in four begins a new group.
          if (cut === 0) lane.push([]);
          lane.at(-1)?.push(input);
        });
        return lanes.map((lane) => lane.filter((group) => group.length > 0));
      }),
  );
}
