import { mkdtempSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diskFilled } from '../../../distributed/nemesis/disk-faults.ts';
import { Guardian } from '../../../distributed/stack/process/guardian.ts';
import { canMakeSmallDisk, makeSmallDisk } from '../../../distributed/stack/servers/small-disk.ts';
import { waitFor } from '../../support/wait-for.ts';

test('a small disk is filled and kept full, has space again when it is mended, and is gone with its guardian', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'els-small-disk-'));
  const guardian = new Guardian(dataDir);
  // Whoever may not mount has no such disk; the harness skips what needs one, by name.
  if (!(await canMakeSmallDisk())) return guardian.release();
  const disk = await makeSmallDisk({ dataDir });
  const freed = join(disk, 'freed');
  writeFileSync(freed, Buffer.alloc(3_000_000));
  const fault = diskFilled(disk);
  expect(await fault.start()).toEqual({ filledBytes: expect.any(Number) });
  const isFull = () => statfsSync(disk).bavail === 0;
  expect(isFull()).toBe(true);
  writeFileSync(freed, '');
  await waitFor(isFull, { deadlineMs: 15_000, what: 'a disk that is full again' });
  expect(await fault.stop()).toEqual({ freeBytes: expect.any(Number) });
  expect(isFull()).toBe(false);
  await guardian.release();
  expect(() => writeFileSync(join(disk, 'late'), '')).toThrow(/ENOENT/);
}, 60_000);
