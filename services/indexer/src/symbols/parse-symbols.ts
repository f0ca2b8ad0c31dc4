// Parses one file with its grammar and lists its definitions. Runs inside a parser thread only:
// a WASM abort ends the thread, not the service.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import type { SymbolKind } from "@ossaat/contracts";
import { Language, Parser, Query } from "web-tree-sitter";
import type { QueryMatch } from "web-tree-sitter";

import type { Grammar } from "../tree/languages.ts";
import { indexLimits } from "../limits.ts";
import { definitionQueries } from "./queries.ts";
import type { FileSymbol } from "./symbol.ts";

type Loaded = { language: Language; query: Query };

type Found = FileSymbol & { start: number; end: number; isScope: boolean };

const kinds: readonly string[] = ["function", "class", "method", "type", "constant", "variable", "module", "scope"];
const maxSignatureChars = 200;
/** When two patterns name the same place, the more telling kind stays. */
const kindOrder = ["scope", "variable", "constant", "type", "module", "function", "method", "class"];

const require = createRequire(import.meta.url);
const loaded = new Map<Grammar, Promise<Loaded>>();
let ready: Promise<void> | undefined;

async function load(grammar: Grammar): Promise<Loaded> {
  ready ??= Parser.init();
  await ready;
  const file = require.resolve(`@vscode/tree-sitter-wasm/wasm/tree-sitter-${grammar}.wasm`);
  const language = await Language.load(await readFile(file));
  return { language, query: new Query(language, definitionQueries[grammar]) };
}

function loadOnce(grammar: Grammar): Promise<Loaded> {
  const known = loaded.get(grammar);
  if (known !== undefined) return known;
  const loading = load(grammar);
  loaded.set(grammar, loading);
  return loading;
}

/** The first line, and more while a parenthesis is open. */
function signatureOf(text: string): string {
  let head = "";
  for (const line of text.split("\n", 8)) {
    head += ` ${line}`;
    if (head.split("(").length <= head.split(")").length) break;
  }
  const flat = head
    .replace(/\s*\{\s*$/u, "")
    .replaceAll(/\s+/gu, " ")
    .trim();
  return flat.length > maxSignatureChars ? `${flat.slice(0, maxSignatureChars - 1)}…` : flat;
}

function toFound(match: QueryMatch): Found | undefined {
  const name = match.captures.find((capture) => capture.name === "name")?.node.text;
  const whole = match.captures.find((capture) => kinds.includes(capture.name));
  if (name === undefined || whole === undefined || name.length > 200) return undefined;
  const owner = match.captures.find((capture) => capture.name === "owner")?.node.text;
  const { node } = whole;
  const clean = name.replaceAll(/^["'`]|["'`]$/gu, "");
  return {
    name: clean,
    kind: (whole.name === "scope" ? "module" : whole.name) as SymbolKind,
    line: node.startPosition.row + 1,
    endLine: Math.max(node.startPosition.row, node.endPosition.row - (node.endPosition.column === 0 ? 1 : 0)) + 1,
    signature: signatureOf(node.text.slice(0, 1_000)),
    ...(owner === undefined ? {} : { parent: owner }),
    start: node.startIndex,
    end: node.endIndex,
    isScope: whole.name === "scope",
  };
}

function rank({ kind, isScope }: Found): number {
  return kindOrder.indexOf(isScope ? "scope" : kind);
}

function isOfType(owner: Found | undefined): boolean {
  return owner !== undefined && (owner.isScope || owner.kind === "class" || owner.kind === "type");
}

/** One symbol for each name and line; parents by nesting; scopes left out. */
function arrange(found: Found[]): FileSymbol[] {
  const best = new Map<string, Found>();
  for (const symbol of found) {
    const key = `${symbol.line}:${symbol.name}`;
    const known = best.get(key);
    if (known === undefined || rank(symbol) > rank(known)) best.set(key, symbol);
  }
  const sorted = [...best.values()].sort((left, right) => left.start - right.start || right.end - left.end);
  const open: Found[] = [];
  const symbols: FileSymbol[] = [];
  for (const symbol of sorted) {
    while ((open.at(-1)?.end ?? Number.POSITIVE_INFINITY) < symbol.end) open.pop();
    const parent = symbol.parent ?? open.at(-1)?.name;
    const { start: _start, end: _end, isScope, ...rest } = symbol;
    const kind = rest.kind === "function" && isOfType(open.at(-1)) ? "method" : rest.kind;
    if (!isScope) symbols.push({ ...rest, kind, ...(parent === undefined ? {} : { parent }) });
    open.push(symbol);
  }
  return symbols.slice(0, indexLimits.maxSymbolsPerFile);
}

/** Definitions in order of appearance, or undefined when the time for the file ran out. */
export async function parseSymbols(grammar: Grammar, text: string): Promise<FileSymbol[] | undefined> {
  const { language, query } = await loadOnce(grammar);
  const parser = new Parser();
  const deadline = performance.now() + indexLimits.maxParseMs;
  const isLate = () => performance.now() > deadline;
  try {
    parser.setLanguage(language);
    const tree = parser.parse(text, null, { progressCallback: isLate });
    if (tree === null) return undefined;
    try {
      const matches = query.matches(tree.rootNode, { progressCallback: isLate, matchLimit: 65_536 });
      if (isLate()) return undefined;
      return arrange(matches.flatMap((match) => toFound(match) ?? []));
    } finally {
      tree.delete();
    }
  } finally {
    parser.delete();
  }
}
