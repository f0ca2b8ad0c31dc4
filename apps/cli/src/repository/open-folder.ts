// The folder in which a plan's result, or the work on it, can be looked at.
import { existsSync, realpathSync } from "node:fs";
import path from "node:path";

import { AgentError } from "@ossaat/contracts/errors";
import type { PlanEvent, PlanState } from "@ossaat/contracts";

import { git } from "./git.ts";

/** Forgets our own checkout where its folder was removed; those of the user are not ours to forget. */
async function forgetRemoved(root: string, folder: string, checkouts: readonly string[][]): Promise<void> {
  const isKnown = checkouts.some(([first]) => first === `worktree ${folder}`);
  if (isKnown && !existsSync(folder)) await git(root, ["worktree", "remove", "--force", folder]);
}

async function listCheckouts(root: string): Promise<string[][]> {
  const text = await git(root, ["worktree", "list", "--porcelain", "-z"]);
  return text.split("\0\0").map((entry) => entry.split("\0"));
}

/** A linked checkout of the branch, made in the state folder when there is none. */
export async function branchFolder(state: PlanState, stateDir: string): Promise<string> {
  const { branch } = state;
  const root = state.repository.path;
  if (branch === undefined) throw new AgentError("internal", `${state.id} has no branch.`);
  // As git names it: by its real path.
  const folder = path.join(realpathSync(stateDir), "open", state.id);
  const checkouts = await listCheckouts(root);
  const found = checkouts.find((lines) => lines.includes(`branch refs/heads/${branch}`));
  const known = found?.[0]?.replace(/^worktree /, "");
  if (known !== undefined && existsSync(known)) return known;
  await forgetRemoved(root, folder, checkouts);
  try {
    await git(root, ["worktree", "add", "--quiet", folder, branch]);
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new AgentError("conflict", `git made no checkout of ${branch}.\n${(stderr ?? "").trim()}`, {
      details: { next: `git -C ${root} worktree add FOLDER ${branch}` },
      cause: error,
    });
  }
  return realpathSync(folder);
}

/** The working tree of the newest step, or of one, while it still exists. */
export function stepFolder(
  events: readonly PlanEvent[],
  { planId, stepId, stateDir }: { planId: string; stepId?: string | undefined; stateDir: string },
): string | undefined {
  const opened = events.findLast(
    (event) => event.type === "workspace.opened" && (stepId === undefined || event.stepId === stepId),
  );
  if (opened?.type !== "workspace.opened") return undefined;
  const folder = path.join(stateDir, "runner", "workspaces", planId, opened.data.workspaceId);
  return existsSync(folder) ? folder : undefined;
}
