/**
 * What was made and must go again, in reverse order, whatever happened. A release that fails does not keep the others
 * from theirs; the first failure is thrown in the end, unless the work itself has failed: its error says more.
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

export async function releasing<T>(
  work: (releases: Releases) => Promise<T>,
  releases: Releases = new Releases(),
): Promise<T> {
  let result: T;
  try {
    result = await work(releases);
  } catch (error) {
    await releases.all().catch(() => undefined);
    throw error;
  }
  await releases.all();
  return result;
}
