/**
 * Whether the evidence is whole: files as long as they were when they were written, topics without holes, the client's
 * history in step with what lies in the topics. What is missing here makes the verdict unknown, because every other
 * answer was given without it.
 */
import { COLLECTED_FILE } from '../../collect/collected.ts';
import { TOPIC_FILES, type TopicFile } from '../../run/run-directory.ts';
import type { Answer, Checker } from '../checker.ts';
import { groupBy } from '../evidence/batch-evidence.ts';
import type { RunEvidence } from '../evidence/run-evidence.ts';

export const evidenceWhole: Checker = {
  id: 'evidence',
  title: 'The evidence is whole',
  batch(batch, _run, answer) {
    if (batch.sent.size === 0) return;
    const found = new Map<string, number>();
    for (const [identity, inputs] of [
      ...groupBy(batch.contents, (input) => `content ${input.textStorageId}`),
      ...groupBy(batch.failures, (input) => `failure ${input.fileUploadId}`),
    ]) {
      found.set(identity, inputs.length);
      if (!batch.sent.has(identity)) answer.doubt('the history lacks an input that lies in the topic');
    }
    for (const [identity, { acknowledged }] of batch.sent) {
      if (acknowledged > (found.get(identity) ?? 0)) answer.doubt('an acknowledged input does not lie in the topic');
      answer.holds(true, () => ({ message: identity }));
    }
  },
  async run(run, answer) {
    const { collected } = run;
    if (collected === null) {
      answer.doubt(`there is no ${COLLECTED_FILE}: nobody knows how much was collected`);
      return;
    }
    for (const [file, lines] of Object.entries(collected.lines)) await judgeFile(run, file, lines, answer);
    for (const file of TOPIC_FILES) judgeTopics(run, file, answer);
    const gapsInTopics = run.hasTransactions ? [] : run.gaps.inTopics;
    for (const gap of [...gapsInTopics, ...run.gaps.inHistory]) answer.doubt(gap);
    if (run.phases.length > 0 && run.phases.at(-1)?.name !== 'end') answer.doubt('the run did not come to its end');
  },
};

async function judgeFile(run: RunEvidence, file: string, expected: number, answer: Answer): Promise<void> {
  const lines = run.lines.get(file) ?? 0;
  if (lines === expected) answer.holds(true, () => ({ message: file }));
  else answer.doubt(`${file} has ${lines} lines, ${expected} were written`);
}

/** Neither the first nor the last record of a partition may be missing. */
function judgeTopics(run: RunEvidence, file: TopicFile, answer: Answer): void {
  for (const { topic, partition, low, end } of run.collected?.partitions.filter((each) => each.file === file) ?? []) {
    const name = `${topic}/${partition}`;
    const last = run.gaps.lastOffset(file, topic, partition);
    const isRead = end <= low || last === end - 1 || run.hasTransactions;
    if (isRead) answer.holds(true, () => ({ message: name }));
    else answer.doubt(`${file}.jsonl ends at ${name}@${last ?? 'nothing'}, the partition at ${end - 1}`);
  }
}
