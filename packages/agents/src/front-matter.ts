// Splits an agent.md into YAML front matter and body, and reads the YAML with its lines. Only
// plain data gets through: no tags, no aliases, no repeated keys.
import { LineCounter, isMap, isNode, isPair, isScalar, parseDocument, visit } from "yaml";
import type { Document, Node } from "yaml";

export type FrontMatter = {
  value: unknown;
  /** Line of the file a place in the front matter is at. */
  lineOf: (path: readonly PropertyKey[]) => number;
  /** Line of a key inside the mapping at `path`. */
  lineOfKey: (path: readonly PropertyKey[], key: string) => number;
  body: string;
  /** Line of the file the body starts at. */
  bodyLine: number;
};

export type FrontMatterProblem = { line: number; message: string };

const opening = /^---[ \t]*\n/;
const closing = /^---[ \t]*$/m;

function findNode(document: Document, path: readonly PropertyKey[]): Node | undefined {
  // A missing field has no node: the nearest one around it is where it belongs.
  for (let length = path.length; length >= 0; length -= 1) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node)) return node;
  }
  return undefined;
}

function findForbidden(document: Document, lineAt: (node: Node) => number): FrontMatterProblem[] {
  const problems: FrontMatterProblem[] = [];
  visit(document, {
    Alias: (_key, node) => {
      problems.push({ line: lineAt(node), message: "YAML aliases (*name) are not allowed here." });
    },
    Node: (_key, node) => {
      if (node.tag !== undefined) {
        problems.push({ line: lineAt(node), message: `YAML tags (${node.tag}) are not allowed here.` });
      }
    },
    Pair: (_key, pair) => {
      if (isNode(pair.key) && !(isScalar(pair.key) && typeof pair.key.value === "string")) {
        problems.push({ line: lineAt(pair.key), message: "Keys must be plain words." });
      }
    },
  });
  return problems;
}

/** Reads front matter and body of a text with `\n` line ends. */
export function readFrontMatter(text: string): FrontMatter | { problems: FrontMatterProblem[] } {
  const open = opening.exec(text);
  if (open === null) return { problems: [{ line: 1, message: "The file must begin with front matter: a line ---." }] };
  const rest = text.slice(open[0].length);
  const close = closing.exec(rest);
  if (close === null) return { problems: [{ line: 1, message: "The front matter has no closing line ---." }] };
  const lines = new LineCounter();
  const document = parseDocument(rest.slice(0, close.index), {
    lineCounter: lines,
    prettyErrors: false,
    resolveKnownTags: false,
    schema: "core",
    uniqueKeys: true,
    version: "1.2",
  });
  const lineAtOffset = (offset: number) => lines.linePos(offset).line + 1;
  const lineAt = (node: Node | undefined) => (node?.range ? lineAtOffset(node.range[0]) : 1);
  const faults = [...document.errors, ...document.warnings].map((fault) => ({
    line: lineAtOffset(fault.pos[0]),
    message: `The front matter is not valid YAML: ${fault.message.split("\n")[0] ?? ""}.`.replace(/\.\.$/, "."),
  }));
  const problems = [...findForbidden(document, lineAt), ...faults];
  if (problems.length > 0) return { problems };
  const bodyStart = close.index + close[0].length + 1;
  return {
    value: document.toJS({ maxAliasCount: 0 }) as unknown,
    lineOf: (path) => lineAt(findNode(document, path)),
    lineOfKey: (path, key) => {
      const map = findNode(document, path);
      const pair = isMap(map) ? map.items.find((item) => isScalar(item.key) && item.key.value === key) : undefined;
      return isPair(pair) && isNode(pair.key) ? lineAt(pair.key) : lineAt(map);
    },
    body: rest.slice(bodyStart),
    bodyLine: (open[0] + rest.slice(0, bodyStart)).split("\n").length,
  };
}
