/**
 * Nothing outlives the process that started the stack, however and whenever it ends. A tiny shell process, in a session
 * of its own, reads from a pipe which processes, containers and which folder belong to the stack. The kernel closes the
 * pipe when we end, by SIGKILL too; then the guardian ends the processes, waits until they are gone, and removes
 * containers, their networks and volumes, and the folder.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

/**
 * A child reports itself, and holds the pipe open until it has: were it left to us, a kill between its start and our
 * report would leave it to nobody. The subshell takes the signal if the guardian itself is gone.
 */
const CHILD_SCRIPT = `
signal="$1"
shift
(echo "watch $$ $signal" >&3) 2>/dev/null
exec 3>&-
exec "$@"
`;

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
if [ -n "$label" ]; then
  for kind in network volume; do
    found=$(docker $kind ls --quiet --filter "label=$label")
    [ -z "$found" ] || docker $kind rm $found
  done
fi
[ ! -d "$folder/small-disk" ] || umount -- "$folder/small-disk"
rm -rf -- "$folder"
`;

/** Name of what may be mounted in the folder of a stack. */
export const SMALL_DISK = 'small-disk';

export type EndSignal = 'SIGKILL' | 'SIGQUIT';

type Channel = 'ignore' | 'pipe' | number;

export interface ChildOptions extends Omit<SpawnOptions, 'detached' | 'stdio'> {
  readonly stdio: readonly [input: Channel, output: Channel, errors: Channel];
  /** Ends it without leaving anything behind. */
  readonly endSignal: EndSignal;
}

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

  /**
   * Starts a program that leads a process group of its own, so that Ctrl-C in the terminal reaches us only, and that is
   * ended with us as long as it runs. A program that does not exist ends with exit code 127 and says so.
   */
  spawn(command: string, args: readonly string[], options: ChildOptions): ChildProcess {
    const { endSignal, stdio, ...rest } = options;
    const pipe = this.#process.stdin;
    if (!pipe?.writable) return spawn(command, args, { ...rest, stdio: [...stdio], detached: true });
    const program = ['-c', CHILD_SCRIPT, 'els-stack-child', endSignal.slice('SIG'.length), command, ...args];
    const child = spawn('/bin/sh', program, { ...rest, stdio: [...stdio, pipe], detached: true });
    child.once('exit', () => pipe.write(`forget ${child.pid}\n`));
    return child;
  }

  /**
   * Every container, network and volume with this label is the stack's; `dockerHost` names the engine, as DOCKER_HOST.
   */
  watchContainers(label: string, dockerHost = process.env['DOCKER_HOST']): void {
    this.#process.stdin?.write(`containers ${label} ${dockerHost ?? ''}\n`);
  }

  /** Lets the guardian do its work now; resolves when processes, containers and folder are gone. */
  release(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#process.exitCode !== null || this.#process.signalCode !== null) return resolve();
      this.#process.ref();
      this.#process.once('exit', () => resolve());
      // Not end(), which would shut the pipe for the children too that have not reported themselves yet.
      this.#process.stdin?.destroy();
    });
  }
}
