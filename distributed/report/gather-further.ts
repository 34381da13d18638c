/** What lies beside a report that a reader may want. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { PARTS_FOLDER, type RunDirectory } from '../run/run-directory.ts';

export interface Further {
  /** Files, relative to the page. */
  readonly logs: readonly string[];
  readonly dashboards: readonly string[];
  /** The answers that `grafana:preview` draws were kept. */
  readonly isObserved: boolean;
  /** Of the whole run; paths from the working directory. */
  readonly prometheus: string | null;
  readonly directory: string;
}

export async function gatherFurther(run: RunDirectory): Promise<Further> {
  const path = resolve(run.path);
  const parts = existsSync(run.file(PARTS_FOLDER)) ? await readdir(run.file(PARTS_FOLDER)) : [];
  const folders = ['', ...parts.map((name) => `${PARTS_FOLDER}/${name}/`)];
  const whole = basename(dirname(path)) === PARTS_FOLDER ? dirname(dirname(path)) : path;
  const prometheus = join(whole, 'prometheus');
  return {
    logs: (await run.logProcesses()).map((name) => `logs/${name}.jsonl`),
    dashboards: folders.map((folder) => `${folder}dashboards.html`).filter((page) => existsSync(run.file(page))),
    isObserved: folders.some((folder) => existsSync(run.file(`${folder}panels.json`))),
    prometheus: existsSync(prometheus) ? relative(process.cwd(), prometheus) : null,
    directory: relative(process.cwd(), path),
  };
}
