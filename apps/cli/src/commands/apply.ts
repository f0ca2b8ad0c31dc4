// `ossaat apply`: brings a finished plan into the user's own branch, by fast-forward or as a
// patch of uncommitted changes. Acts on the user's checkout, and only here.
import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";

import { AgentError } from "@ossaat/contracts";
import type { PlanState } from "@ossaat/contracts";

import type { CommandContext } from "../command-context.ts";
import { git } from "../repository/find-repository.ts";
import { hasResult, resolvePlan } from "../repository/resolve-plan.ts";

/** Bytes of a patch held in memory. */
const maxPatchBytes = 1024 * 1024 * 1024;

export type ApplyFlags = { patch?: boolean };

type Result = { branch: string; commit: string };

function resultOf(state: PlanState): Result {
  const { branch, commit } = state;
  if (state.status === "succeeded" && branch !== undefined && commit !== undefined) return { branch, commit };
  throw new AgentError("conflict", `The plan is ${state.status}: there is no result to apply.`, {
    details: { next: `run \`ossaat show ${state.id}\`` },
  });
}

function gitMessage(error: unknown): string {
  const { stderr } = error as { stderr?: string };
  return (stderr ?? "").trim();
}

async function fastForward(root: string, { branch, commit }: Result): Promise<string> {
  const current = (await git(root, ["symbolic-ref", "--quiet", "--short", "HEAD"]).catch(() => "")).trim();
  if (current === "") {
    throw new AgentError("conflict", "Your checkout is on no branch (detached head).", {
      details: { next: "git switch <branch> and run `ossaat apply` again, or `ossaat apply --patch`" },
    });
  }
  const before = (await git(root, ["rev-parse", "HEAD"])).trim();
  if (before === commit) return `${current} is at ${commit.slice(0, 12)} already: there is nothing to apply.`;
  try {
    await git(root, ["merge-base", "--is-ancestor", "HEAD", commit]);
  } catch (error) {
    throw new AgentError(
      "conflict",
      `${current} has commits that ${branch} does not have: a fast-forward is not possible.`,
      {
        details: { next: `git merge ${branch}, git rebase, or \`ossaat apply --patch\`` },
        cause: error,
      },
    );
  }
  try {
    await git(root, ["merge", "--ff-only", "--quiet", commit]);
  } catch (error) {
    throw new AgentError(
      "conflict",
      `git did not fast-forward ${current}; nothing was changed.\n${gitMessage(error)}`,
      {
        details: { next: "commit or stash the changes it names and run `ossaat apply` again" },
        cause: error,
      },
    );
  }
  return `${current} is at ${commit.slice(0, 12)} now.\nUndo: git reset --keep ${before.slice(0, 12)}`;
}

/** The change as bytes: text of any encoding, and the same whatever the user's settings of git are. */
async function readPatch(root: string, from: string, to: string): Promise<Buffer> {
  const settings = ["--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/"];
  const args = ["-C", root, "diff", ...settings, "--no-relative", "--full-index", from, to];
  const { stdout } = await promisify(execFile)("git", args, { encoding: "buffer", maxBuffer: maxPatchBytes });
  return stdout;
}

/** Feeds a patch to `git apply`; its message on failure. */
function gitApply(root: string, args: readonly string[], patch: Buffer): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const words = ["-C", root, "apply", "--whitespace=nowarn", ...args, "-"];
    const child = spawn("git", words, { stdio: ["pipe", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString("utf8")));
    child.on("error", reject);
    child.on("close", (code) => resolve(code === 0 ? undefined : stderr.trim()));
    child.stdin.end(patch);
  });
}

async function applyPatch(root: string, from: string, { commit }: Result): Promise<string> {
  const patch = await readPatch(root, from, commit);
  const problem = (await gitApply(root, ["--check"], patch)) ?? (await gitApply(root, [], patch));
  if (problem !== undefined) {
    throw new AgentError("conflict", `The change does not fit your checkout; nothing was changed.\n${problem}`, {
      details: { next: "commit or stash your changes to these files and try again" },
    });
  }
  return "Applied as uncommitted changes: read them with git diff.";
}

export async function applyCommand(
  text: string | undefined,
  flags: ApplyFlags,
  context: CommandContext,
): Promise<number> {
  const { output } = context;
  const { client } = await context.connect();
  const state = await resolvePlan(client, context, text, hasResult);
  const result = resultOf(state);
  const root = state.repository.path;
  const sentence =
    flags.patch === true
      ? await applyPatch(root, state.repository.baseCommit, result)
      : await fastForward(root, result);
  if (output.format === "text") output.note(sentence);
  else
    output.json({
      schemaVersion: 1,
      planId: state.id,
      mode: flags.patch === true ? "patch" : "fast-forward",
      ...result,
    });
  return 0;
}
