/**
 * A binary heap that gives back its items by rising position, and items of equal position in the order they came, so
 * that the order of a load depends on nothing but its options.
 */
export class PositionHeap<T> {
  private readonly nodes: Node<T>[] = [];
  private pushed = 0;

  push(position: number, item: T): void {
    const { nodes } = this;
    const node = { position, order: this.pushed++, item };
    let at = nodes.length;
    nodes.push(node);
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = nodes[parentAt];
      if (parent === undefined || !isBefore(node, parent)) {
        break;
      }
      nodes[at] = parent;
      at = parentAt;
    }
    nodes[at] = node;
  }

  /** The first item if its position is below the limit. */
  popBelow(limit: number): T | undefined {
    const top = this.nodes[0];
    if (top === undefined || top.position >= limit) {
      return undefined;
    }
    const last = this.nodes.pop();
    if (last !== undefined && this.nodes.length > 0) {
      this.sink(last);
    }
    return top.item;
  }

  private sink(node: Node<T>): void {
    const { nodes } = this;
    let at = 0;
    for (;;) {
      const child = this.smallerChild(at);
      if (child === undefined || !isBefore(child.node, node)) {
        break;
      }
      nodes[at] = child.node;
      at = child.at;
    }
    nodes[at] = node;
  }

  private smallerChild(at: number): { node: Node<T>; at: number } | undefined {
    const left = this.nodes[2 * at + 1];
    const right = this.nodes[2 * at + 2];
    if (left === undefined) {
      return undefined;
    }
    return right !== undefined && isBefore(right, left)
      ? { node: right, at: 2 * at + 2 }
      : { node: left, at: 2 * at + 1 };
  }
}

interface Node<T> {
  readonly position: number;
  readonly order: number;
  readonly item: T;
}

function isBefore<T>(one: Node<T>, other: Node<T>): boolean {
  return one.position < other.position || (one.position === other.position && one.order < other.order);
}
