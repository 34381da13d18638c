/**
 * Nothing outlives the process that started the stack, however it ends. A tiny shell process, in a session of its own,
 * reads from a pipe which processes, containers and which folder belong to the stack. The kernel closes the pipe when
 * we end, by SIGKILL too; then the guardian ends the processes, waits until they are gone, and removes containers and
 * folder.
 */
import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Each process leads its own process group. A stopped process must be woken, or it would not see a gentle signal.
 * Containers are found by their label, not by ids that we may have died before learning; the second look finds one
 * whose creation was under way at the first.
 */
const SCRIPT = `
trap '' INT TERM HUP QUIT
folder="$1"
groups=""
label=""
while read -r verb pid signal; do
  case "$verb" in
    containers)
      label="$pid"
      [ -z "$signal" ] || export DOCKER_HOST="$signal" ;;
    watch) groups="$groups $pid:$signal" ;;
    forget)
      kept=""
      for entry in $groups; do
        [ "\${entry%%:*}" = "$pid" ] || kept="$kept $entry"
      done
      groups="$kept" ;;
  esac
done
for entry in $groups; do
  kill -s "\${entry##*:}" -- "-\${entry%%:*}"
  kill -s CONT -- "-\${entry%%:*}"
done
round=0
while [ $round -lt 70 ]; do
  left=""
  for entry in $groups; do
    kill -s 0 -- "-\${entry%%:*}" && left="$left $entry"
  done
  [ -n "$left" ] || break
  sleep 0.1
  round=$((round + 1))
done
for entry in $left; do kill -s KILL -- "-\${entry%%:*}"; done
look=0
while [ -n "$label" ] && [ $look -lt 2 ]; do
  [ $look -eq 0 ] || sleep 0.5
  found=$(docker ps --all --quiet --filter "label=$label")
  [ -z "$found" ] || docker rm --force --volumes $found
  look=$((look + 1))
done
rm -rf -- "$folder"
`;

export class Guardian {
  readonly #process: ChildProcess;

  constructor(folder: string) {
    this.#process = spawn('/bin/sh', ['-c', SCRIPT, 'els-stack-guardian', folder], {
      detached: true,
      cwd: '/',
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    // A guardian that was killed can no longer help; the stack itself still runs and stops.
    this.#process.on('error', () => {});
    this.#process.stdin?.on('error', () => {});
    this.#process.unref();
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** `pid` leads a process group; `signal` ends it without leaving anything behind. */
  watch(pid: number, signal: 'KILL' | 'QUIT'): void {
    this.#process.stdin?.write(`watch ${pid} ${signal}\n`);
  }

  forget(pid: number): void {
    this.#process.stdin?.write(`forget ${pid}\n`);
  }

  /** Every container with this label is the stack's; `dockerHost` names the engine, as DOCKER_HOST does. */
  watchContainers(label: string, dockerHost: string | undefined): void {
    this.#process.stdin?.write(`containers ${label} ${dockerHost ?? ''}\n`);
  }

  /** Lets the guardian do its work now; resolves when processes, containers and folder are gone. */
  release(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#process.exitCode !== null || this.#process.signalCode !== null) return resolve();
      this.#process.ref();
      this.#process.once('exit', () => resolve());
      this.#process.stdin?.end();
    });
  }
}
