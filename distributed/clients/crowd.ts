/** Everybody who uses the gateways in one part: made under names of their own, and sent home together. */
import type { SeededRandom } from '../generator/seeded-random.ts';
import { HttpUser, type Note } from './http-user.ts';
import { LiveWatcher, type WatcherOptions } from './live-watcher.ts';

/** A client waits between half and one and a half of it before it comes back, or all come at once. */
const RETURN_MS = 200;

export interface CrowdOptions {
  readonly note: Note;
  readonly signal: AbortSignal;
  readonly random: SeededRandom;
}

export class Crowd {
  readonly users: HttpUser[] = [];
  readonly watchers: LiveWatcher[] = [];
  private readonly options: CrowdOptions;

  constructor(options: CrowdOptions) {
    this.options = options;
  }

  user(batchId: string, url: string): HttpUser {
    const { note, signal, random } = this.options;
    const name = `user-${this.users.length + 1}`;
    const user = new HttpUser({ name, batchId, url, phase: random.fraction(), note, signal });
    this.users.push(user);
    return user;
  }

  watcher(
    batchId: string,
    urlOf: WatcherOptions['urlOf'],
    rest: Pick<WatcherOptions, 'answersPings' | 'returns'> = {},
  ): LiveWatcher {
    const { note, random } = this.options;
    const returnMs = () => RETURN_MS * (0.5 + random.fraction());
    const name = `watcher-${this.watchers.length + 1}`;
    const watcher = new LiveWatcher({ name, batchId, urlOf, returnMs, note, ...rest });
    this.watchers.push(watcher);
    return watcher;
  }

  /** `atRest`: nothing changes any more, and everybody has had the time to hear of all that did. */
  async leave(options: { readonly atRest: boolean }): Promise<void> {
    for (const user of this.users) user.leave();
    await Promise.all(this.watchers.map((watcher) => watcher.leave(options)));
  }
}
