import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { projectRoot } from '../../../distributed/stack/process/project-root.ts';
import { VERSION } from '../../../src/version.ts';

const root = projectRoot();
const read = (name: string) => readFileSync(join(root, name), 'utf8');
const dockerfile = read('Dockerfile');
const manifest = z
  .object({
    packageManager: z.string(),
    dependencies: z.record(z.string(), z.string()),
    scripts: z.record(z.string(), z.string()),
  })
  .parse(JSON.parse(read('package.json')));

test('the image is built by the pnpm of package.json and carries its version', () => {
  expect(manifest.packageManager).toBe(`pnpm@${/npm install --global pnpm@(\S+)/.exec(dockerfile)?.[1]}`);
  expect(dockerfile).toContain(`org.opencontainers.image.version="${VERSION}"`);
});

test('all stages stand on one Node 24, pinned to a version, and the image runs as somebody without privileges', () => {
  const stages = [...dockerfile.matchAll(/^FROM (\S+)(?: AS (\S+))?/gm)].map(([, image, name]) => ({ image, name }));
  const names = stages.map(({ name }) => name);
  const bases = new Set(stages.map(({ image }) => image).filter((image) => !names.includes(image)));
  expect([...bases]).toEqual([expect.stringMatching(/^node:24\.\d+\.\d+-bookworm-slim$/)]);
  const runtime = dockerfile.slice(dockerfile.lastIndexOf('\nFROM'));
  expect(/^USER (\S+)/m.exec(runtime)?.[1]).toBe('node');
});

test('what the image copies exists and is not kept out of the build', () => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) =>
    (sources ?? '').split(' '),
  );
  expect(copied.length).toBeGreaterThan(8);
  const allowed = read('.dockerignore')
    .split('\n')
    .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
  for (const source of copied) {
    expect([source, existsSync(join(root, source)), allowed.includes(source)]).toEqual([source, true, true]);
  }
  expect(allowed.filter((path) => !copied.includes(path))).toEqual([]);
});

test('what the generator leaves out of its bundle is installed in the image', () => {
  const external = [...(manifest.scripts['build:generator'] ?? '').matchAll(/--external:(\S+)/g)].map(
    ([, name]) => name ?? '',
  );
  expect(external).toContain('kafkajs');
  for (const name of external) expect(Object.keys(manifest.dependencies)).toContain(name);
});

test('the generator can be bundled', () => {
  const folder = mkdtempSync(join(tmpdir(), 'els-bundle-'));
  try {
    const [, ...args] = (manifest.scripts['build:generator'] ?? '')
      .replace(/--outfile=\S+/, `--outfile=${folder}/generate.js`)
      .split(' ');
    const { status, stderr } = spawnSync(join(root, 'node_modules', '.bin', 'esbuild'), args, {
      cwd: root,
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, expect.stringContaining('generate.js')]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the programs that the image starts are compiled from the sources', () => {
  const programs = [...dockerfile.matchAll(/dist\/bin\/(\w+)\.js/g)].map(([, name]) => name ?? '');
  expect([...new Set(programs)].sort()).toEqual(['admin', 'generate', 'probe', 'worker']);
  for (const name of programs) {
    const source = name === 'generate' ? 'distributed/bin/generate.ts' : `src/bin/${name}.ts`;
    expect([source, existsSync(join(root, source))]).toEqual([source, true]);
  }
});
