/** Asks the URL it is given and exits 0 when the answer is a good one: health checks in an image without curl. */
const ANSWER_MS_MAX = 4_000;

const url = process.argv[2] ?? '--help';
if (url === '--help' || url === '-h') {
  process.stdout.write('Usage: probe <url>\n\nExit codes: 0 a good answer (2xx), 1 another or none.\n');
  process.exit(process.argv.length > 2 ? 0 : 1);
}
try {
  const { ok, status } = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  process.stdout.write(`${url} answers ${status}\n`);
  process.exitCode = ok ? 0 : 1;
} catch (error) {
  process.stdout.write(`${url} does not answer: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
