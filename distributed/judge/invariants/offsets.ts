/** I11: an offset is committed only past records that have a fate, never backwards, never past the end. */
import type { OffsetSample } from '../../run/records.ts';
import type { Answer, Checker } from '../checker.ts';
import { problemOf } from '../counterexample.ts';
import type { BatchEvidence } from '../evidence/batch-evidence.ts';
import { addressOf, type JudgedInput } from '../evidence/input-records.ts';
import { PROMOTION_FAULT, type RunEvidence } from '../evidence/run-evidence.ts';
import { fateOf } from './conservation.ts';

/** By then every worker has noticed the other server and begun where that one knows its partitions. */
const READ_AGAIN_MS_MAX = 30_000;

export const offsetsFollowFates: Checker = {
  id: 'I11',
  title: 'Offsets are committed only past records that have a fate, never backwards, never past the end',
  batch(batch, run, answer) {
    for (const input of [...batch.registrations, ...batch.contents, ...batch.failures]) {
      const committed = run.committed.get(`${input.topic}/${input.partition}`);
      if (committed === undefined) answer.doubt('committed offsets are not known');
      else if (input.offset < committed) judgeRecord(input, committed, batch, run, answer);
    }
  },
  async run(run, answer) {
    const before = new Map<string, OffsetSample>();
    const resets = run.phases.filter((phase) => phase.name === 'replay').map((phase) => phase.wallMs);
    const promotions = run.faults
      .filter(({ fault, phase }) => fault === PROMOTION_FAULT && phase === 'start')
      .map(({ wallMs }) => wallMs);
    for await (const sample of run.directory.readOffsets()) {
      const name = `${sample.group} ${sample.topic}/${sample.partition}`;
      const last = before.get(name);
      before.set(name, sample);
      const isBetween = (fromMs: number, toMs: number) => (last?.wallMs ?? fromMs) <= toMs && fromMs <= sample.wallMs;
      const isReset =
        resets.some((wallMs) => isBetween(wallMs, wallMs)) ||
        promotions.some((wallMs) => isBetween(wallMs, wallMs + READ_AGAIN_MS_MAX));
      const isForward = isReset || (last?.committed ?? -1) <= (sample.committed ?? -1);
      answer.holds(isForward && (sample.committed ?? -1) <= sample.end, () => ({
        message: `${name}: committed ${last?.committed ?? 'nothing'}, later ${sample.committed ?? 'nothing'}, end ${sample.end}`,
        timeline: [last, sample].flatMap((each) =>
          each === undefined
            ? []
            : [{ wallMs: each.wallMs, text: `committed ${each.committed ?? 'nothing'}, end ${each.end}` }],
        ),
      }));
    }
  },
};

function judgeRecord(
  input: JudgedInput,
  committed: number,
  batch: BatchEvidence,
  run: RunEvidence,
  answer: Answer,
): void {
  answer.holds(fateOf(input, batch, run) !== null, () => {
    const identity =
      input.kind === 'registration' ? [] : [input.kind === 'content' ? input.textStorageId : input.fileUploadId];
    const message = `${addressOf(input)} (${input.kind} ${identity.join()}) has no fate, and ${committed} is committed`;
    return problemOf(batch, message, { identities: identity });
  });
}
