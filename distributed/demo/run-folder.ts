import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What is left of a run: `runs/NAME-TIME-SEED` with logs and results; `runs/latest` is the newest one. */
export class RunFolder {
  readonly path: string;
  readonly logs: string;

  private constructor(path: string) {
    this.path = path;
    this.logs = join(path, 'logs');
  }

  static async create(root: string, name: string, seed: number): Promise<RunFolder> {
    const time = new Date().toISOString().slice(0, 19).replaceAll(':', '');
    const folderName = `${name}-${time}-${seed}`;
    const folder = new RunFolder(join(root, 'runs', folderName));
    await mkdir(folder.logs, { recursive: true });
    const latest = join(root, 'runs', 'latest');
    await rm(latest, { force: true });
    await symlink(folderName, latest, 'dir');
    return folder;
  }

  async writeJson(file: string, content: object): Promise<void> {
    await writeFile(join(this.path, file), `${JSON.stringify(content, null, 1)}\n`);
  }
}
