// Numbers for terms. Works on bytes, so that reading hundreds of megabytes makes no strings.
import { stem } from "./stem.ts";

/** Ids must fit 24 bits: a posting packs id and count into one word. */
const maxTerms = 0xff_ff_ff;

/** What to do with a term that is not in the table yet. */
export type LookUp = "add" | "known";

/** A term as bytes; `hash` is their FNV-1a hash. */
export type TermBytes = { bytes: Uint8Array; from: number; size: number; hash: number };

export class TermTable {
  #slots = new Int32Array(1 << 16).fill(-1);
  #hashes = new Uint32Array(1 << 15);
  #starts = new Uint32Array(1 << 15);
  #bytes: Buffer = Buffer.allocUnsafe(1 << 19);
  #used = 0;
  #stems = new Int32Array(1 << 15);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Id of the stem of a lower-case term, or -1 when unknown and not added. */
  stemId(term: TermBytes, mode: LookUp): number {
    const id = this.#find(term, mode);
    if (id < 0) return -1;
    const known = this.#stems[id]!;
    if (known >= 0) return known;
    const word = Buffer.from(term.bytes.buffer, term.bytes.byteOffset + term.from, term.size).toString("latin1");
    const short = stem(word);
    const stemmed = short === word ? id : this.idOf(short, mode);
    if (stemmed >= 0) this.#stems[id] = stemmed;
    return stemmed;
  }

  /** Id of an exact, lower-case term. */
  idOf(term: string, mode: LookUp): number {
    const bytes = Buffer.from(term);
    let hash = 0x811c9dc5;
    for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
    return this.#find({ bytes, from: 0, size: bytes.length, hash: hash >>> 0 }, mode);
  }

  #find(term: TermBytes, mode: LookUp): number {
    const { hash } = term;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (let id = slots[slot]!; id >= 0; id = slots[slot]!) {
      if (this.#hashes[id] === hash && this.#equals(id, term)) return id;
      slot = (slot + 1) & mask;
    }
    if (mode === "known" || this.#size >= maxTerms) return -1;
    return this.#insert(term, slot);
  }

  #equals(id: number, { bytes, from, size }: TermBytes): boolean {
    const start = this.#starts[id]!;
    const end = id + 1 < this.#size ? this.#starts[id + 1]! : this.#used;
    if (end - start !== size) return false;
    for (let i = 0; i < size; i += 1) if (this.#bytes[start + i] !== bytes[from + i]) return false;
    return true;
  }

  #insert({ bytes, from, size: length, hash }: TermBytes, slot: number): number {
    const id = this.#size;
    if (id + 1 >= this.#hashes.length) this.#growTerms();
    if (this.#used + length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#used + length));
      this.#bytes.copy(larger, 0, 0, this.#used);
      this.#bytes = larger;
    }
    this.#starts[id] = this.#used;
    this.#bytes.set(bytes.subarray(from, from + length), this.#used);
    this.#used += length;
    this.#hashes[id] = hash;
    this.#stems[id] = -1;
    this.#slots[slot] = id;
    this.#size = id + 1;
    if (this.#size * 2 > this.#slots.length) this.#rehash();
    return id;
  }

  #growTerms(): void {
    const capacity = this.#hashes.length * 2;
    const grow = <T extends Uint32Array | Int32Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.#hashes = grow(this.#hashes, new Uint32Array(capacity));
    this.#starts = grow(this.#starts, new Uint32Array(capacity));
    this.#stems = grow(this.#stems, new Int32Array(capacity));
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2).fill(-1);
    const mask = slots.length - 1;
    for (let id = 0; id < this.#size; id += 1) {
      let slot = (this.#hashes[id] ?? 0) & mask;
      while ((slots[slot] ?? -1) >= 0) slot = (slot + 1) & mask;
      slots[slot] = id;
    }
    this.#slots = slots;
  }
}
