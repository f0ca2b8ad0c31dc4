// A definition found in one file, before it is joined with the file's path.
import type { SymbolKind } from "@ossaat/contracts";

export type FileSymbol = {
  name: string;
  kind: SymbolKind;
  /** 1-based, inclusive. */
  line: number;
  endLine: number;
  signature: string;
  /** Name of what it belongs to: its class, module or receiver. */
  parent?: string;
};

/** `Parent.name`, or the name alone. */
export function qualifiedName(symbol: FileSymbol): string {
  return symbol.parent === undefined ? symbol.name : `${symbol.parent}.${symbol.name}`;
}

/** Raised when the queries, the grammars or the reading of them change: cached rows become stale. */
export const symbolEngineVersion = "1";
