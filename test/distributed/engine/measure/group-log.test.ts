import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRebalances } from '../../../../distributed/engine/measure/group-log.ts';

const LINES = [
  '2026-11-27T14:06:19,354 INFO GroupMetadataManager [GroupCoordinator id=1 topic=__consumer_offsets partition=1] Preparing to rebalance group r1.workers in state PreparingRebalance with old generation 4 (reason: Removing member worker-2-consume-b2f90dae-910e-4b43-a175-f96dff45ec58 on heartbeat expiration.).',
  '2026-11-27T14:06:19,360 INFO GroupMetadataManager [GroupCoordinator id=1 topic=__consumer_offsets partition=1] Assignment received from leader worker-1 for group r1.workers for generation 5.',
  '2026-11-27T14:06:29,135 INFO GroupMetadataManager [GroupCoordinator id=1 topic=__consumer_offsets partition=1] Preparing to rebalance group r1.workers in state PreparingRebalance with old generation 6 (reason: Adding new member worker-2-consume-d461f8d4-8217-49b1-b76f-d60725b0811e with group instance id null; client reason: not provided).',
  '2026-11-27T14:06:29,140 INFO GroupMetadataManager [GroupCoordinator id=1 topic=__consumer_offsets partition=1] Preparing to rebalance group r2.workers in state PreparingRebalance with old generation 1 (reason: of another group).',
];

test('every rebalance of one group is counted, with a reason that names no member', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'els-group-log-'));
  const file = join(folder, 'kafka.log');
  writeFileSync(file, `${LINES.join('\n')}\n`);
  try {
    expect(await readRebalances([file], 'r1.workers')).toEqual([
      { generation: 4, reason: 'Removing member … on heartbeat expiration.' },
      { generation: 6, reason: 'Adding new member … with group instance id null' },
    ]);
    expect(await readRebalances([file], 'r3.workers')).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
