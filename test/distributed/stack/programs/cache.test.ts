import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory, cached } from '../../../../distributed/stack/programs/cache.ts';

describe('the cache', () => {
  const before = process.env['XDG_CACHE_HOME'];
  let home = '';

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'els-cache-'));
    process.env['XDG_CACHE_HOME'] = home;
  });

  afterEach(() => {
    if (before === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = before;
    rmSync(home, { recursive: true });
  });

  const build = (content: string) => async (folder: string) => {
    await mkdir(join(folder, 'built'));
    await writeFile(join(folder, 'built', 'file'), content);
    return join(folder, 'built');
  };

  test('builds an entry once', async () => {
    const entry = await cached('thing', build('first'));
    await cached('thing', build('second'));
    expect(readFileSync(join(entry, 'file'), 'utf8')).toBe('first');
    expect(readdirSync(cacheDirectory())).toEqual(['thing']);
  });

  test('several builders at once agree on one complete entry', async () => {
    const entries = await Promise.all(['a', 'b', 'c'].map((content) => cached('thing', build(content))));
    expect(new Set(entries).size).toBe(1);
    expect(readFileSync(join(entries[0] ?? '', 'file'), 'utf8')).toMatch(/^[abc]$/);
    expect(readdirSync(cacheDirectory())).toEqual(['thing']);
  });

  test('a failed build leaves nothing', async () => {
    const failing = async (folder: string) => {
      await build('half')(folder);
      throw new Error('no network');
    };
    await expect(cached('thing', failing)).rejects.toThrow('no network');
    expect(readdirSync(cacheDirectory())).toEqual([]);
  });

  test('what a killed builder left is removed when it is old', async () => {
    const [old, young] = ['.building-old', '.building-young'].map((name) => join(cacheDirectory(), name));
    await Promise.all([old, young].map((folder) => mkdir(folder ?? '', { recursive: true })));
    utimesSync(old ?? '', 0, 0);
    await cached('thing', build('new'));
    expect(existsSync(old ?? '')).toBe(false);
    expect(existsSync(young ?? '')).toBe(true);
  });
});
