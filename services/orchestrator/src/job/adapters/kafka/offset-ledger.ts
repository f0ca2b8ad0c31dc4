// Which records of one partition are settled, and up to where all of them are: only that far may be
// committed, whatever the order in which handlers end.

export class OffsetLedger {
  /** Ascending, because a partition is read in order and a set keeps the order of insertion. */
  readonly #open = new Set<number>();
  #next: number;

  /** `first` is the first offset that is read. */
  constructor(first: number) {
    this.#next = first;
  }

  /** Notes a record that was read; offsets in between hold nothing for a handler. */
  take(offset: number): void {
    this.#open.add(offset);
    this.#next = offset + 1;
  }

  /** Notes a settled record. False when it was settled before. */
  finish(offset: number): boolean {
    return this.#open.delete(offset);
  }

  isOpen(offset: number): boolean {
    return this.#open.has(offset);
  }

  /** The first offset that is not settled; everything below it is. */
  get mark(): number {
    const [first] = this.#open;
    return first ?? this.#next;
  }
}
