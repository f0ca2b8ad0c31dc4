// git_status, git_diff, git_log: host-side, over our own git dir.
import type { DiffFile } from "@ossaat/contracts";
import { toolLimits } from "@ossaat/contracts";
import { normalizePath } from "@ossaat/policy";

import { linePath } from "../git/git.ts";
import { diffTrees } from "../workspace/diff-trees.ts";
import { takeSnapshot } from "../workspace/working-tree.ts";
import { clipText } from "./clip-text.ts";
import type { Tool, ToolContext } from "./tool.ts";

async function changes(context: ToolContext, path?: string): Promise<DiffFile[]> {
  const { git, workspace, signal } = context;
  const tree = await takeSnapshot(git, workspace, signal);
  return diffTrees(git, workspace.gitDir, { from: workspace.diffBase ?? workspace.base, to: tree, path });
}

const letters: Readonly<Record<DiffFile["status"], string>> = { added: "A", modified: "M", deleted: "D", renamed: "R" };

function scope(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const normal = normalizePath(path);
  return normal.ok && normal.path !== "." ? normal.path : undefined;
}

export const gitStatus: Tool<"git_status"> = async (context) => {
  const files = await changes(context);
  const rows = files.map((file) => {
    const from = file.oldPath === undefined ? "" : `${linePath(file.oldPath)} -> `;
    return `${letters[file.status]} ${from}${linePath(file.path)} (+${file.additions} -${file.deletions})`;
  });
  const text = rows.length === 0 ? "Nothing changed since the base commit." : rows.join("\n");
  return { summary: `${files.length} files changed`, output: { text: clipText(text, toolLimits.maxOutputBytes) } };
};

export const gitDiff: Tool<"git_diff"> = async (context, input) => {
  const files = await changes(context, scope(input.path));
  const text = files
    .map((file) => (file.truncated ? `${linePath(file.path)}: too large to show whole\n` : file.patch))
    .join("");
  return {
    summary: `${files.length} files differ`,
    output: { text: clipText(text === "" ? "No difference." : text, toolLimits.maxReadBytes), diff: { files } },
  };
};

export const gitLog: Tool<"git_log"> = async ({ git, workspace, signal }, input) => {
  const path = scope(input.path);
  const format = "--format=%h %as %an: %s";
  const args = ["log", `-${input.count}`, format, "--no-show-signature", workspace.tip];
  const text = await git.text([...args, ...(path === undefined ? [] : ["--", path])], {
    gitDir: workspace.gitDir,
    signal,
  });
  return {
    summary: `${text === "" ? 0 : text.split("\n").length} commits`,
    output: { text: clipText(text === "" ? "No commits." : text, toolLimits.maxOutputBytes) },
  };
};
