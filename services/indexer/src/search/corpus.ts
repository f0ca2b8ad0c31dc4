// The forward index: for each blob its terms with counts, sorted. Keyed by content, so commits
// of one repository share it. A query scans the documents of a commit; that is fast enough for
// 50,000 files and needs no second, inverted copy.
import type { SkipReason } from "../tree/skip-text.ts";
import { TermTable } from "../text/term-table.ts";
import { Tokenizer } from "../text/tokenize.ts";
import type { TermSink } from "../text/tokenize.ts";

const countMask = 0x7f;
const definitionBit = 0x80;

/** Where a document's postings are: `segment` at `offset`, `size` words. */
export type BlobDoc = { segment: Uint32Array; offset: number; size: number; length: number; skipped?: SkipReason };

export type Posting = { count: number; isDefinition: boolean };

const segmentWords = 1 << 18;

class CountingSink implements TermSink {
  #counts = new Uint16Array(1 << 16);
  #defined = new Uint8Array(1 << 16);
  #touched: number[] = [];

  term(id: number): void {
    if (id >= this.#counts.length) this.#grow(id);
    const count = this.#counts[id] ?? 0;
    if (count === 0) this.#touched.push(id);
    if (count < countMask) this.#counts[id] = count + 1;
  }

  definition(ids: Int32Array, count: number): void {
    for (let i = 0; i < count; i += 1) this.#defined[ids[i]!] = 1;
  }

  /** The postings as packed words in ascending order of term; empties the sink. */
  drain(): Uint32Array {
    const words = new Uint32Array(this.#touched.length);
    this.#touched.forEach((id, index) => {
      const mark = this.#defined[id] === 1 ? definitionBit : 0;
      words[index] = id * 256 + mark + (this.#counts[id] ?? 0);
      this.#counts[id] = 0;
      this.#defined[id] = 0;
    });
    this.#touched = [];
    return words.sort();
  }

  #grow(id: number): void {
    const capacity = Math.max(this.#counts.length * 2, id + 1);
    const counts = new Uint16Array(capacity);
    counts.set(this.#counts);
    this.#counts = counts;
    const defined = new Uint8Array(capacity);
    defined.set(this.#defined);
    this.#defined = defined;
  }
}

export class Corpus {
  readonly table = new TermTable();
  readonly #docs = new Map<string, BlobDoc>();
  readonly #tokenizer = new Tokenizer(this.table, "add");
  readonly #sink = new CountingSink();
  #segment: Uint32Array = new Uint32Array(segmentWords);
  #used = 0;

  /** Number of blobs. */
  get size(): number {
    return this.#docs.size;
  }

  get(blob: string): BlobDoc | undefined {
    return this.#docs.get(blob);
  }

  has(blob: string): boolean {
    return this.#docs.has(blob);
  }

  addText(blob: string, data: Uint8Array): void {
    this.#docs.set(blob, this.#store(data));
  }

  addSkipped(blob: string, skipped: SkipReason): void {
    this.#docs.set(blob, { segment: this.#segment, offset: 0, size: 0, length: 0, skipped });
  }

  /** Terms of a short text (a path, a commit subject), unique. */
  termsOf(text: string): number[] {
    const { segment, offset, size } = this.#store(Buffer.from(text));
    const ids: number[] = [];
    for (let i = 0; i < size; i += 1) ids.push((segment[offset + i] ?? 0) >>> 8);
    // Short texts are kept by their owners; their postings would only fill the segment.
    this.#used = offset;
    return ids;
  }

  #store(data: Uint8Array): BlobDoc {
    const length = this.#tokenizer.run(data, this.#sink);
    const words = this.#sink.drain();
    if (this.#used + words.length > this.#segment.length) {
      this.#segment = new Uint32Array(Math.max(segmentWords, words.length));
      this.#used = 0;
    }
    const doc = { segment: this.#segment, offset: this.#used, size: words.length, length };
    this.#segment.set(words, this.#used);
    this.#used += words.length;
    return doc;
  }
}

/** The packed posting of a term in a document, or 0. */
export function findPosting({ segment, offset, size }: BlobDoc, term: number): number {
  let low = offset;
  let high = offset + size - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const word = segment[middle] ?? 0;
    const id = word >>> 8;
    if (id === term) return word;
    if (id < term) low = middle + 1;
    else high = middle - 1;
  }
  return 0;
}

export function readPosting(word: number): Posting {
  return { count: word & countMask, isDefinition: (word & definitionBit) !== 0 };
}
