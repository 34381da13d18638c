/** Why a run directory cannot be read or made, in one line a person can act on. */
export class RunDirectoryError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'RunDirectoryError';
  }
}
