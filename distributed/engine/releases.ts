/**
 * What was made and must go again, in reverse order, whatever happened. A release that fails does not keep the others
 * from theirs; the first failure is thrown in the end.
 */
export class Releases {
  private readonly entries: (() => unknown)[] = [];

  /** Right after the thing was made. */
  add(release: () => unknown): void {
    this.entries.push(release);
  }

  async all(): Promise<void> {
    const errors: unknown[] = [];
    for (let release = this.entries.pop(); release !== undefined; release = this.entries.pop()) {
      try {
        await release();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
