import { Releases } from '../../../distributed/engine/releases.ts';

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
