// A policy file as it holds: its layer, and each rule with an id and the line it stands on.
import { PolicyFile, describeProblems, policyFileLimits, schemaProblems } from "@ossaat/contracts";
import type { PolicyLayerName, PolicyRule } from "@ossaat/contracts";
import { findNodeAtLocation, parseTree, printParseErrorCode } from "jsonc-parser";
import type { Node, ParseError } from "jsonc-parser";

import { compileGlob } from "./glob.ts";

export type LayerRule = PolicyRule & { id: string; line: number };
export type PolicyLayer = { name: PolicyLayerName; file: string; rules: LayerRule[] };

/** What is wrong with a policy file. `message` begins with `file:line: `. */
export type PolicyFileProblem = { file: string; line: number; message: string };

export type ParsedPolicyFile = { layer: PolicyLayer } | { problems: PolicyFileProblem[] };

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

const describeParseError = (error: ParseError | undefined) =>
  error === undefined ? "" : ` (${printParseErrorCode(error.error)})`;

/** The node of a path, or the nearest one around it that exists. */
function nearestNode(root: Node, path: readonly (string | number)[]): Node {
  for (let length = path.length; length > 0; length -= 1) {
    const node = findNodeAtLocation(root, path.slice(0, length));
    if (node !== undefined) return node;
  }
  return root;
}

/** Line of an unknown key itself, else of the value a problem is about. */
function issueOffset(
  root: Node,
  issue: { path: readonly PropertyKey[]; keys?: readonly string[] | undefined },
): number {
  const path = issue.path.filter((part) => typeof part !== "symbol");
  const [key] = issue.keys ?? [];
  const node = nearestNode(root, key === undefined ? path : [...path, key]);
  return node.parent?.type === "property" ? node.parent.offset : node.offset;
}

function extraProblems({ rules }: PolicyFile): [(string | number)[], string][] {
  const problems: [(string | number)[], string][] = [];
  const ids = new Set<string>();
  for (const [index, rule] of rules.entries()) {
    const id = rule.id ?? `rule-${index + 1}`;
    if (ids.has(id)) problems.push([["rules", index, "id"], `the id ${JSON.stringify(id)} is used twice`]);
    ids.add(id);
    for (const [at, glob] of (rule.paths ?? []).entries()) {
      if (compileGlob(glob) === undefined) problems.push([["rules", index, "paths", at], "the glob is too complex"]);
    }
  }
  return problems;
}

/** Reads a policy file. A file with any problem holds no rule at all: the caller must deny. */
export function parsePolicyFile(
  text: string,
  { file, name }: { file: string; name: PolicyLayerName },
): ParsedPolicyFile {
  const problem = (offset: number, message: string): PolicyFileProblem => {
    const line = lineOf(text, offset);
    return { file, line, message: `${file}:${line}: ${message}` };
  };
  if (Buffer.byteLength(text) > policyFileLimits.maxBytes) {
    return { problems: [problem(0, `the file is larger than ${policyFileLimits.maxBytes} bytes`)] };
  }
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  const [error] = errors;
  if (root === undefined || error !== undefined) {
    const what = text.trim() === "" ? "the file is empty" : `not valid JSON${describeParseError(error)}`;
    return { problems: [problem(error?.offset ?? 0, what)] };
  }
  const parsed = PolicyFile.safeParse(JSON.parse(text));
  if (!parsed.success) {
    return {
      problems: parsed.error.issues.map((issue) => {
        const keys = issue.code === "unrecognized_keys" ? issue.keys : undefined;
        const what = describeProblems(schemaProblems({ issues: [issue] }));
        return problem(issueOffset(root, { path: issue.path, keys }), what);
      }),
    };
  }
  const extra = extraProblems(parsed.data);
  if (extra.length > 0) {
    return { problems: extra.map(([path, message]) => problem(issueOffset(root, { path }), message)) };
  }
  const { rules } = parsed.data;
  return {
    layer: {
      name,
      file,
      rules: rules.map((rule, index) => ({
        ...rule,
        id: rule.id ?? `rule-${index + 1}`,
        line: lineOf(text, nearestNode(root, ["rules", index]).offset),
      })),
    },
  };
}
