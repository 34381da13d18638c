/** A real headless Chromium: the machine's own, else Debian's package, installed when we are root, and said aloud. */
import { type Browser, chromium } from 'playwright-core';
import { announced } from '../stack/process/progress.ts';
import { runCommand } from '../stack/process/run-command.ts';
import { isDebian, isRoot } from '../stack/programs/debian.ts';
import { programOnPath } from '../stack/programs/find-program.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const INSTALL_MS_MAX = 600_000;

export async function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: installedChromium() ?? (await installChromium()) });
}

function installedChromium(): string | undefined {
  return programOnPath(...NAMES);
}

async function installChromium(): Promise<string> {
  if (!isRoot() || !isDebian()) {
    throw new Error(
      'Chromium is not installed: put chromium or google-chrome on PATH (Debian: apt-get install chromium)',
    );
  }
  const say = (line: string) => process.stderr.write(`chromium: ${line}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  const apt = (...args: string[]) => runCommand('apt-get', args, { env, runMsMax: INSTALL_MS_MAX });
  await announced('installing chromium with apt-get (as root)', say, async () => {
    await apt('update');
    await apt('install', '-y', '--no-install-recommends', 'chromium');
  });
  const program = installedChromium();
  if (program === undefined) throw new Error('Chromium was installed with apt-get and is still not on PATH');
  return program;
}
