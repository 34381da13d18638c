/** Each kind of trouble once, until it is over: reconnecting for ever must not fill the log. */
import { describeError } from '../errors.ts';

export class TroubleLog {
  private readonly say: (error: string) => void;
  private last = '';

  constructor(say: (error: string) => void) {
    this.say = say;
  }

  report(error: unknown): void {
    const text = describeError(error);
    if (text === this.last) return;
    this.last = text;
    this.say(text);
  }

  ended(): void {
    this.last = '';
  }
}
