// The approval card of one call outside the envelope, written from structured data only.
import { hashGrant, toolInputs } from "@ossaat/contracts";
import type { Envelope, ExplainedEntry, ToolName } from "@ossaat/contracts";
import { classifyRisk, patchPaths } from "@ossaat/policy";

import type { Question } from "../approval/request-approval.ts";

export type CallInQuestion = {
  agent: string;
  tool: ToolName;
  input: unknown;
  inputJson: string;
  workspaceId: string;
  envelope: Envelope;
  policyHash: string;
  /** What lies outside, in words: `write to package.json`. */
  what: string;
  /** The rules that ask. */
  policyRules?: readonly ExplainedEntry[];
  /** False when commands run without a sandbox. */
  isSandboxed: boolean;
};

/** The hash a decision about this call binds to. */
export function callRequestHash(
  call: Omit<CallInQuestion, "agent" | "what" | "input" | "isSandboxed" | "policyRules">,
): string {
  const { tool, inputJson, workspaceId, envelope, policyHash } = call;
  return hashGrant({ tool, inputJson, workspaceId, envelope, approvedOutside: true, policyHash });
}

/** As git says it, where a text does not end with a line feed and its reader has to know. */
const noLineFeed = "\\ No newline at end of file";

/** Lines of a diff, one for each line of the text; a line feed at its end begins none. */
function diffLines(text: string, prefix: "-" | "+", mustTellEnd: boolean): string[] {
  if (text === "") return [];
  const isWhole = text.endsWith("\n");
  const lines = (isWhole ? text.slice(0, -1) : text).split("\n").map((line) => `${prefix}${line}`);
  return mustTellEnd && !isWhole ? [...lines, noLineFeed] : lines;
}

type Shown = Pick<Question, "argv" | "cwd" | "diff"> & { paths: string[] };

function shownOf(tool: ToolName, input: unknown): Shown {
  switch (tool) {
    case "run_command": {
      const { argv, cwd } = toolInputs.run_command.parse(input);
      return { argv, cwd, paths: [] };
    }
    case "edit_file": {
      const { path, oldText, newText } = toolInputs.edit_file.parse(input);
      // Parts of a file: how they end matters where it changes.
      const mustTellEnd = oldText.endsWith("\n") !== newText.endsWith("\n");
      const lines = [...diffLines(oldText, "-", mustTellEnd), ...diffLines(newText, "+", mustTellEnd)];
      return { paths: [path], diff: [`--- a/${path}`, `+++ b/${path}`, ...lines].join("\n") };
    }
    case "write_file": {
      const { path, content } = toolInputs.write_file.parse(input);
      const lines = content === "" ? ["\\ The file is empty"] : diffLines(content, "+", true);
      return { paths: [path], diff: [`+++ b/${path}`, ...lines].join("\n") };
    }
    case "apply_patch": {
      const { patch } = toolInputs.apply_patch.parse(input);
      return { paths: patchPaths(patch), diff: patch };
    }
    default:
      return { paths: [] };
  }
}

/** Hosts a command asks for beyond those of the step. */
function askedHosts(tool: ToolName, input: unknown): string[] {
  return tool === "run_command" ? (toolInputs.run_command.parse(input).hosts ?? []) : [];
}

/** What a call can reach. A command may write what it likes, and the runner undoes only protected files. */
function reachesOf({ tool, input, envelope, isSandboxed }: CallInQuestion, paths: string[]): Question["reaches"] {
  const { egressHosts, secrets } = envelope;
  const hosts = [...new Set([...egressHosts, ...askedHosts(tool, input)])];
  if (tool !== "run_command" && tool !== "run_tests") return { paths, hosts, secrets, reversible: true };
  if (isSandboxed) return { paths: ["any file that is not protected"], hosts, secrets, reversible: true };
  return {
    paths: ["any file of this machine: there is no sandbox"],
    hosts: ["any host: there is no sandbox"],
    secrets,
    reversible: false,
  };
}

/** What a person is asked. `input` has passed the tool's schema. */
export function callQuestion(call: CallInQuestion): Question {
  const { agent, tool, input, inputJson, what, policyRules = [] } = call;
  const { risk, why } = classifyRisk({ tool, input });
  const { paths, ...shown } = shownOf(tool, input);
  const hosts = askedHosts(tool, input);
  const reaching = hosts.length === 0 ? "" : ` reaching ${hosts.join(", ")}`;
  const commands = shown.argv === undefined ? [] : [`${shown.argv.join(" ")}${reaching}`];
  return {
    kind: "call",
    requestHash: callRequestHash(call),
    title: `${agent} wants to ${what}`,
    agent,
    tool,
    inputJson,
    ...shown,
    risk,
    reason: `outside the approved envelope: ${what} (${why})`,
    reaches: reachesOf(call, paths),
    ...(policyRules.length === 0 ? {} : { policyRules: [...policyRules] }),
    rule: { tool, commands, paths },
  };
}
