// Files of a working tree that are not ignored, by our own git dir.
import { posix } from "node:path";

import { AgentError } from "@ossaat/contracts";
import { compileGlob } from "@ossaat/policy";

import { excludeOption } from "../dependencies/dependency-folder.ts";
import { displayPath, splitNul } from "../git/git.ts";
import { removeGitDirs } from "../workspace/nested-git.ts";
import { placeOf } from "../workspace/working-tree.ts";
import type { ToolContext } from "./tool.ts";

/** Paths below `folder` (`.` = all), ignored ones left out, sorted; deleted files may be among them. */
export async function listTracked(
  context: Pick<ToolContext, "git" | "workspace" | "signal">,
  filter: { folder: string; glob?: string | undefined },
): Promise<string[]> {
  const { git, workspace, signal } = context;
  await removeGitDirs(workspace.dir, workspace.watch);
  const scope = filter.folder === "." ? [] : ["--", filter.folder];
  const installed = (workspace.dependencies?.folders ?? []).map(excludeOption);
  const args = ["ls-files", "-z", "-c", "-o", "--exclude-standard", "--deduplicate", ...installed, ...scope];
  const { stdout } = await git.run(args, { ...placeOf(workspace), signal });
  const paths = splitNul(stdout).map(displayPath);
  const { glob } = filter;
  if (glob === undefined) return paths.sort();
  // A pattern without a slash names files wherever they are, as people expect of *.ts.
  const inName = !glob.includes("/");
  const matcher = compileGlob(glob);
  if (matcher === undefined) {
    throw new AgentError("invalid_input", "The glob is too long or has too many alternatives in braces.");
  }
  const matches = (path: string) => matcher(inName ? posix.basename(path) : path);
  const prefix = filter.folder === "." ? "" : `${filter.folder}/`;
  return paths
    .filter((path) => matches(path) || (path.startsWith(prefix) && matches(path.slice(prefix.length))))
    .sort();
}
