// Definitions read from plain lines: for languages without a grammar, and when parsing failed.
import type { SymbolKind } from "@ossaat/contracts";

import { indexLimits } from "../limits.ts";
import type { FileSymbol } from "./symbol.ts";

const modifiers =
  "(?:(?:export|default|public|private|protected|internal|static|abstract|final|sealed|open|override|async|pub(?:\\([^)]*\\))?|inline|suspend|data|case|local|virtual|unsafe|extern|partial|lazy|implicit)\\s+)*";

const patterns: readonly { kind: SymbolKind; pattern: RegExp }[] = [
  {
    kind: "function",
    pattern: new RegExp(
      `^\\s*${modifiers}(?:function|func|fun|def|defp|fn|sub|proc|task)\\s+(?:\\([^)]*\\)\\s*)?([\\w$.:!?]+)`,
      "u",
    ),
  },
  { kind: "class", pattern: new RegExp(`^\\s*${modifiers}(?:class|struct|object|actor|record)\\s+([\\w$.]+)`, "u") },
  {
    kind: "type",
    pattern: new RegExp(
      `^\\s*${modifiers}(?:interface|protocol|trait|enum|type|typealias|message|service|union)\\s+([\\w$.]+)`,
      "u",
    ),
  },
  { kind: "module", pattern: /^\s*(?:module|namespace|defmodule|package)\s+([\w$.:]+)/u },
  { kind: "constant", pattern: /^(?:export\s+)?(?:const|val|let)\s+([\w$]+)\s*[:=]/u },
  { kind: "module", pattern: /^#{1,3}\s+(\S.{0,78})$/u },
];

function symbolOf(line: string, number: number): FileSymbol | undefined {
  for (const { kind, pattern } of patterns) {
    const name = pattern.exec(line)?.[1]?.trim();
    if (name !== undefined && name !== "") {
      return { name, kind, line: number, endLine: number, signature: line.trim().slice(0, 200) };
    }
  }
  return undefined;
}

/** A definition reaches to the line before the next one. */
export function readTextSymbols(text: string): FileSymbol[] {
  const lines = text.split("\n");
  const symbols: FileSymbol[] = [];
  lines.forEach((line, index) => {
    if (line.length > 400 || symbols.length >= indexLimits.maxSymbolsPerFile) return;
    const symbol = symbolOf(line, index + 1);
    if (symbol === undefined) return;
    const before = symbols.at(-1);
    if (before !== undefined) before.endLine = Math.max(before.line, index);
    symbols.push(symbol);
  });
  const last = symbols.at(-1);
  if (last !== undefined) last.endLine = lines.length;
  return symbols;
}
