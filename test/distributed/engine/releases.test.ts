import { Releases, releasing } from '../../../distributed/engine/releases.ts';

test('releases run in reverse order, once, and a failing one does not keep the others from theirs', async () => {
  const releases = new Releases();
  const released: string[] = [];
  releases.add(() => released.push('first'));
  releases.add(() => Promise.reject(new Error('stuck')));
  releases.add(async () => void released.push('last'));
  await expect(releases.all()).rejects.toThrow('stuck');
  expect(released).toEqual(['last', 'first']);
  await releases.all();
  expect(released).toEqual(['last', 'first']);
});

test('the first failure is the one that is thrown', async () => {
  const releases = new Releases();
  releases.add(() => Promise.reject(new Error('made first, failed last')));
  releases.add(() => {
    throw new Error('made last, failed first');
  });
  await expect(releases.all()).rejects.toThrow('made last, failed first');
});

test('the error of the work counts more than that of a release, and everything is released all the same', async () => {
  const released: string[] = [];
  const failing = releasing(async (releases) => {
    releases.add(() => released.push('made first'));
    releases.add(() => Promise.reject(new Error('release')));
    throw new Error('work');
  });
  await expect(failing).rejects.toThrow('work');
  expect(released).toEqual(['made first']);
  await expect(
    releasing(async (releases) => {
      releases.add(() => released.push('at the end'));
      return released.length;
    }),
  ).resolves.toBe(1);
  expect(released).toEqual(['made first', 'at the end']);
});
