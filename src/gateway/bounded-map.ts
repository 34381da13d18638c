/** A map that never holds more than `sizeMax`: what was set first is forgotten. Setting a known key keeps its turn. */
export class BoundedMap<Value> extends Map<string, Value> {
  private readonly sizeMax: number;

  constructor(sizeMax: number) {
    super();
    this.sizeMax = sizeMax;
  }

  override set(key: string, value: Value): this {
    super.set(key, value);
    const [oldest] = this.keys();
    if (this.size > this.sizeMax && oldest !== undefined) this.delete(oldest);
    return this;
  }
}
