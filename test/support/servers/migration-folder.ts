/** The migrations of another build: those of this one, and more. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Journal {
  entries: { idx: number; version: string; when: number; tag: string; breakpoints: boolean }[];
}

export class MigrationFolder {
  /** Holds `migrations`, as a program's working directory does. */
  readonly parent = mkdtempSync(join(tmpdir(), 'els-build-'));
  readonly path = join(this.parent, 'migrations');

  constructor() {
    cpSync('migrations', this.path, { recursive: true });
  }

  get names(): string[] {
    return this.journal().entries.map(({ tag }) => tag);
  }

  add(tag: string, text: string): this {
    const journal = this.journal();
    const last = journal.entries.at(-1);
    if (last === undefined) throw new Error('no migrations');
    journal.entries.push({ ...last, idx: last.idx + 1, when: last.when + 1000, tag });
    writeFileSync(join(this.path, `${tag}.sql`), text);
    this.write(journal);
    return this;
  }

  /** As the build before the newest migration has it. */
  dropLast(): this {
    const journal = this.journal();
    journal.entries.pop();
    this.write(journal);
    return this;
  }

  remove(): void {
    rmSync(this.parent, { recursive: true });
  }

  private journal(): Journal {
    return JSON.parse(readFileSync(join(this.path, 'meta', '_journal.json'), 'utf8')) as Journal;
  }

  private write(journal: Journal): void {
    writeFileSync(join(this.path, 'meta', '_journal.json'), JSON.stringify(journal));
  }
}
