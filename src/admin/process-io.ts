import type { AdminIo } from './output.ts';

/** The terminal, or what stands in its place. A reader that has seen enough (`| head`) is no failure. */
export function processIo(): AdminIo {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') {
      process.exit(0);
    }
    throw error;
  });
  return {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
  };
}
