// Symbols of a file's text: from the cache, else parsed, else read from its lines.
import type { Language } from "../tree/languages.ts";
import type { ParserPool } from "./parser-pool.ts";
import { readTextSymbols } from "./text-symbols.ts";
import type { FileSymbol } from "./symbol.ts";
import type { SymbolCache } from "./symbol-cache.ts";

export type SymbolReader = (
  file: { blob: string; language: Language | undefined },
  text: string,
) => Promise<FileSymbol[]>;

/** Files of unknown kind have no symbols. */
export function createSymbolReader(parser: ParserPool, cache: SymbolCache): SymbolReader {
  return async ({ blob, language }, text) => {
    if (language?.grammar === undefined) {
      return language?.isCode === true || language?.name === "Markdown" ? readTextSymbols(text) : [];
    }
    const known = cache.get(blob, language.grammar);
    if (known !== undefined) return known;
    const parsed = await parser.parse(language.grammar, text);
    if (parsed === undefined) return readTextSymbols(text);
    cache.put(blob, language.grammar, parsed);
    return parsed;
  };
}
