import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { digestOfRun } from '../../../../distributed/judge/invariants/digest.ts';
import { CorrectRun } from '../../../support/recorded/correct-run.ts';

async function digestAfter(change: (run: CorrectRun) => void): Promise<string> {
  const run = new CorrectRun();
  change(run);
  const directory = await run.write();
  try {
    return await digestOfRun(directory);
  } finally {
    await rm(dirname(directory.path), { recursive: true });
  }
}

test('which content lies in which slot makes no difference, which contents lie in slots does', async () => {
  const plain = await digestAfter(() => undefined);
  const swapped = await digestAfter(({ tables }) => {
    const [one, other] = tables.slots.filter(
      (slot) => slot['batch_id'] === tables.batches[0]?.['id'] && slot['status'] === 'filled',
    );
    const content = one?.['text_storage_id'];
    Object.assign(one ?? {}, { text_storage_id: other?.['text_storage_id'] });
    Object.assign(other ?? {}, { text_storage_id: content });
  });
  const other = await digestAfter(({ tables }) => tables.excess_contents.pop());
  expect(swapped).toBe(plain);
  expect(other).not.toBe(plain);
});
