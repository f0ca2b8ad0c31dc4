// Cuts text into terms: identifiers are split at case and underscore, and kept whole as well.
// One pass over bytes; names that look like definitions are told to the sink.
import type { LookUp, TermTable } from "./term-table.ts";

/** Receives terms in order of appearance; `line` is 0-based. */
export type TermSink = {
  term(id: number, line: number): void;
  /** The first `count` of `ids` (an identifier's parts and the whole) look like a definition's name. */
  definition(ids: Int32Array, count: number): void;
};

const other = 0;
const lower = 1;
const upper = 2;
const digit = 3;
const joiner = 4;
const wide = 5;

const kindOf = new Uint8Array(256);
const lowerOf = new Uint8Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  const isUpper = byte >= 65 && byte <= 90;
  lowerOf[byte] = isUpper ? byte + 32 : byte;
  if (byte >= 97 && byte <= 122) kindOf[byte] = lower;
  else if (isUpper) kindOf[byte] = upper;
  else if (byte >= 48 && byte <= 57) kindOf[byte] = digit;
  else if (byte === 95 || byte === 36) kindOf[byte] = joiner;
  else kindOf[byte] = byte >= 128 ? wide : other;
}

const newline = 10;
const openParen = 40;
const closeParen = 41;
const star = 42;
const ampersand = 38;
const openBrace = 123;

const fnvSeed = 0x811c9dc5;
const fnvPrime = 0x01000193;

/** Longer parts are data, longer identifiers are encoded data, more parts say nothing new. */
const maxTermBytes = 64;
const maxIdentifierBytes = 200;
const maxParts = 12;

const definitionWord = 1;
const bindingWord = 2;
const controlWord = 3;

const wordLists: readonly [number, string][] = [
  [
    definitionWord,
    "function class def func fn interface struct enum trait type module namespace record protocol object",
  ],
  [definitionWord, "macro_rules sub defmodule defp"],
  [bindingWord, "const let var val static"],
  [controlWord, "if for while switch catch return with elif else unless until match using lock foreach"],
];

const keywordBits = 0xfff;

/** Code of a keyword by the low bits of its hash; checked against the full hash. */
const keywordCodes = new Uint8Array(keywordBits + 1);
const keywordHashes = new Uint32Array(keywordBits + 1);
for (const [code, words] of wordLists) {
  for (const word of words.split(" ")) {
    let hash = fnvSeed;
    for (const byte of Buffer.from(word)) hash = Math.imul(hash ^ byte, fnvPrime);
    keywordCodes[hash & keywordBits] = code;
    keywordHashes[hash & keywordBits] = hash >>> 0;
  }
}

/** A list of term ids that is filled again and again. */
class IdList {
  readonly ids = new Int32Array(maxParts + 1);
  count = 0;

  copyFrom({ ids, count }: IdList): void {
    this.ids.set(ids);
    this.count = count;
  }
}

export class Tokenizer {
  readonly #table: TermTable;
  readonly #mode: LookUp;
  readonly #scratch = new Uint8Array(maxIdentifierBytes);
  readonly #partFrom = new Int32Array(maxParts);
  readonly #partSize = new Int32Array(maxParts);
  readonly #partHash = new Uint32Array(maxParts);
  readonly #current = new IdList();
  /** First identifier of the line that is called: a definition when the line ends with `{`. */
  readonly #lineCall = new IdList();
  #size = 0;
  #parts = 0;
  #hash = 0;

  constructor(table: TermTable, mode: LookUp) {
    this.#table = table;
    this.#mode = mode;
  }

  /** Returns the number of term positions. */
  run(data: Uint8Array, sink: TermSink): number {
    const end = data.length;
    const lineCall = this.#lineCall;
    lineCall.count = 0;
    let total = 0;
    let line = 0;
    let lineStart = 0;
    let lastSolid = 0;
    let pending = 0;
    for (let at = 0; at < end;) {
      const byte = data[at]!;
      if (kindOf[byte] !== other) {
        const stop = this.#scan(data, at, end);
        const positions = this.#emit(stop - at, line, sink);
        total += positions;
        lastSolid = byte;
        const word = this.#keyword(data, at, stop);
        if (word === 0 && positions > 0) {
          if (pending !== 0) sink.definition(this.#current.ids, this.#current.count);
          if (lineCall.count === 0 && data[stop] === openParen) lineCall.copyFrom(this.#current);
        }
        // A binding counts at the left margin only: local variables are not definitions.
        pending = word === definitionWord || (word === bindingWord && kindOf[data[lineStart]!] !== other) ? word : 0;
        if (word === controlWord) lineCall.count = -1;
        at = stop;
        continue;
      }
      if (byte === newline) {
        if (lastSolid === openBrace && lineCall.count > 0) sink.definition(lineCall.ids, lineCall.count);
        line += 1;
        lineStart = at + 1;
        lineCall.count = 0;
        pending = 0;
        lastSolid = 0;
      } else if (byte > 32) {
        lastSolid = byte;
        // A receiver stands between the word and the name: func (c *Command) Execute
        if (byte === openParen && pending === definitionWord) at = closeOf(data, at);
        else if (byte !== star && byte !== ampersand) pending = 0;
      }
      at += 1;
    }
    return total;
  }

  /** Reads the identifier at `at` into the scratch, cut into parts. Returns where it ends. */
  #scan(data: Uint8Array, at: number, end: number): number {
    const scratch = this.#scratch;
    let size = 0;
    let from = 0;
    let digits = 0;
    let partHash = fnvSeed;
    let hash = fnvSeed;
    let previous = other;
    let i = at;
    this.#parts = 0;
    for (; i < end; i += 1) {
      const byte = data[i]!;
      const kind = kindOf[byte]!;
      if (kind === other) break;
      const isHump =
        kind === upper && size > from && (previous !== upper || (i + 1 < end && kindOf[data[i + 1]!] === lower));
      if (kind === joiner || isHump) {
        this.#endPart(from, size - from, { hash: partHash, digits });
        from = size;
        partHash = fnvSeed;
        digits = 0;
      }
      previous = kind;
      if (kind === joiner || size >= maxIdentifierBytes) continue;
      const small = lowerOf[byte]!;
      scratch[size] = small;
      size += 1;
      partHash = Math.imul(partHash ^ small, fnvPrime);
      hash = Math.imul(hash ^ small, fnvPrime);
      if (kind === digit) digits += 1;
    }
    this.#endPart(from, size - from, { hash: partHash, digits });
    this.#size = size;
    this.#hash = hash >>> 0;
    return i;
  }

  #endPart(from: number, size: number, { hash, digits }: { hash: number; digits: number }): void {
    if (size < 2 || size > maxTermBytes || this.#parts >= maxParts) return;
    // Long numbers and hashes only fill the table.
    if (digits === size ? size > 6 : size > 20 && digits > 6) return;
    this.#partFrom[this.#parts] = from;
    this.#partSize[this.#parts] = size;
    this.#partHash[this.#parts] = hash >>> 0;
    this.#parts += 1;
  }

  /** Gives the parts and, for a compound, the whole without its joiners to the sink. */
  #emit(bytes: number, line: number, sink: TermSink): number {
    const current = this.#current;
    current.count = 0;
    if (bytes > maxIdentifierBytes) return 0;
    const parts = this.#parts;
    for (let part = 0; part < parts; part += 1) {
      this.#give(this.#idOf(this.#partFrom[part]!, this.#partSize[part]!, this.#partHash[part]!), line, sink);
    }
    if (parts > 1 && this.#size <= maxTermBytes) this.#give(this.#idOf(0, this.#size, this.#hash), line, sink);
    return parts;
  }

  #idOf(from: number, size: number, hash: number): number {
    return this.#table.stemId({ bytes: this.#scratch, from, size, hash }, this.#mode);
  }

  #give(id: number, line: number, sink: TermSink): void {
    if (id < 0) return;
    this.#current.ids[this.#current.count] = id;
    this.#current.count += 1;
    sink.term(id, line);
  }

  #keyword(data: Uint8Array, at: number, stop: number): number {
    if (this.#parts !== 1 || this.#size !== stop - at || kindOf[data[at]!] !== lower) return 0;
    const slot = this.#hash & keywordBits;
    return keywordHashes[slot] === this.#hash ? keywordCodes[slot]! : 0;
  }
}

function closeOf(data: Uint8Array, open: number): number {
  const close = data.indexOf(closeParen, open);
  return close > 0 && close - open < 80 ? close : open;
}
