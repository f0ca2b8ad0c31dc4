// One agent.md as a profile, or every problem it has, each with its line.
import { AgentCapability, AgentFrontMatter, ApprovalRule, sha256Hex } from "@ossaat/contracts";
import type { AgentProfile } from "@ossaat/contracts";
import type { z } from "zod";

import { suggest } from "./agent-problem.ts";
import type { AgentProblem } from "./agent-problem.ts";
import { checkBody } from "./body-sections.ts";
import { readFrontMatter } from "./front-matter.ts";
import type { FrontMatter } from "./front-matter.ts";
import { agentLimits } from "./limits.ts";

export type AgentFile = {
  /** Path for messages. */
  path: string;
  /** Name of the folder that holds the file; the profile must have it too. */
  folder: string;
  text: string;
  source: AgentProfile["source"];
};

export type ParsedAgent =
  | { profile: AgentProfile; lineOf: FrontMatter["lineOf"] }
  | { problems: [AgentProblem, ...AgentProblem[]] };

const hiddenCharacters =
  // oxlint-disable-next-line no-control-regex -- finding hidden characters is the purpose
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/u;

function knownKeys(path: readonly PropertyKey[]): string[] {
  const [section] = path;
  if (section === undefined) return Object.keys(AgentFrontMatter.shape);
  if (section === "model") return ["provider", "routing", "temperature"];
  if (section === "observability") return ["tracingTags"];
  return section === "approval_policy" ? AgentCapability.options : [];
}

function knownWords(issue: z.core.$ZodIssue): string[] {
  if (issue.path[0] === "capabilities") return AgentCapability.options;
  if (issue.path[0] === "approval_policy") return ApprovalRule.options;
  return issue.code === "invalid_value" ? issue.values.map(String) : [];
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (found, key) =>
      typeof found === "object" && found !== null ? (found as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );
}

function unknownKeyMessage(key: string, path: readonly PropertyKey[]): string {
  const known = knownKeys(path);
  const place = path.length === 0 ? "" : ` in ${path.join(".")}`;
  return `Unknown key "${key}"${place}.${suggest(key, known)} Known: ${known.join(", ")}.`;
}

function describeIssue(issue: z.core.$ZodIssue, front: FrontMatter): { line: number; message: string }[] {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ line: front.lineOfKey(path, key), message: unknownKeyMessage(key, path) }));
  }
  if (issue.code === "invalid_key") {
    const key = String(path.at(-1));
    const parent = path.slice(0, -1);
    return [{ line: front.lineOfKey(parent, key), message: unknownKeyMessage(key, parent) }];
  }
  const value = valueAt(front.value, path);
  const line = front.lineOf(path);
  if (issue.code === "invalid_value" && typeof value === "string") {
    const known = knownWords(issue);
    const message = `"${value}" is not allowed for ${path.join(".")}.${suggest(value, known)} Known: ${known.join(", ")}.`;
    return [{ line, message }];
  }
  return [{ line, message: path.length === 0 ? `${issue.message}.` : `${path.join(".")}: ${issue.message}.` }];
}

function checkText(text: string): { line?: number; message: string } | undefined {
  if (Buffer.byteLength(text) > agentLimits.maxProfileBytes) {
    return { message: `The file is larger than ${agentLimits.maxProfileBytes / 1024} KiB.` };
  }
  const at = hiddenCharacters.exec(text)?.index;
  if (at === undefined) return undefined;
  const code = (text.codePointAt(at) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return {
    line: text.slice(0, at).split("\n").length,
    message: `The file holds a hidden character (U+${code}); remove it.`,
  };
}

function rejected(path: string, problems: readonly { line?: number; message: string }[]): ParsedAgent {
  const [first = { message: "The profile cannot be used." }, ...rest] = problems;
  return { problems: [{ path, ...first }, ...rest.map((problem) => ({ path, ...problem }))] };
}

/** Reads and checks one profile. */
export function parseAgent(file: AgentFile): ParsedAgent {
  const { path, folder, source } = file;
  const text = file.text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
  const unreadable = checkText(text);
  if (unreadable !== undefined) return rejected(path, [unreadable]);
  const front = readFrontMatter(text);
  if ("problems" in front) return rejected(path, front.problems);
  const parsed = AgentFrontMatter.safeParse(front.value);
  const problems = [
    ...(parsed.success ? [] : parsed.error.issues.flatMap((issue) => describeIssue(issue, front))),
    ...checkBody(front.body, front.bodyLine),
  ];
  if (parsed.success && parsed.data.name !== folder) {
    const message = `The name "${parsed.data.name}" must be the name of its folder, "${folder}".`;
    problems.unshift({ line: front.lineOf(["name"]), message });
  }
  if (!parsed.success || problems.length > 0)
    return rejected(
      path,
      problems.toSorted((a, b) => a.line - b.line),
    );
  return {
    profile: { ...parsed.data, instructions: front.body.trim(), source, path, hash: sha256Hex(file.text) },
    lineOf: front.lineOf,
  };
}
