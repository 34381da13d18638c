/** Why the local stack cannot start, in one line a person can act on. Programs turn it into exit code 3. */
export class StackError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StackError';
  }
}

/** A port chosen a moment ago was taken meanwhile: the same work succeeds with another port. */
export class PortTakenError extends StackError {}
