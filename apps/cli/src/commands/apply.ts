// `ossaat apply`: brings a finished plan into the user's own branch, by fast-forward or as a
// patch of uncommitted changes. Acts on the user's checkout, and only here.
import { AgentError, statusText } from "@ossaat/contracts";
import type { PlanState } from "@ossaat/contracts";

import type { CommandContext } from "../command-context.ts";
import { applyRecorded } from "../repository/applied-record.ts";
import { describeLeft, takeSnapshot } from "../repository/checkout-snapshot.ts";
import { git } from "../repository/git.ts";
import { applyToCheckout } from "../repository/patch.ts";
import { requireCheckout, requireCommit, requireNoOpenWork, resultName } from "../repository/require-checkout.ts";
import { hasResult, resolvePlan } from "../repository/resolve-plan.ts";

export type ApplyFlags = { patch?: boolean };

type Result = { planId: string; branch: string; commit: string };

function resultOf(state: PlanState): Result {
  const { branch, commit } = state;
  if (state.status === "succeeded" && branch !== undefined && commit !== undefined)
    return { planId: state.id, branch, commit };
  throw new AgentError("conflict", `The plan is ${statusText(state.status)}: there is no result to apply.`, {
    details: { next: `run \`ossaat show ${state.id}\`` },
  });
}

function gitMessage(error: unknown): string {
  const { stderr } = error as { stderr?: string };
  return (stderr ?? "").trim();
}

type Target = { root: string; stateDir: string };

type Move = { current: string; before: string; commit: string };

/** @throws AgentError conflict when git refuses; then nothing has changed, or what has is named */
async function merge(root: string, { current, before, commit }: Move): Promise<void> {
  const snapshot = await takeSnapshot(root, { from: before, to: commit, withIndex: true });
  try {
    await git(root, ["merge", "--ff-only", "--quiet", commit]);
  } catch (error) {
    // The branch moves last: a git that was ended by what comes after it, as a hook, has done its work.
    if ((await git(root, ["rev-parse", "HEAD"])).trim() === commit) return;
    const { sentence, next } = describeLeft(root, await snapshot.restore());
    throw new AgentError("conflict", `git did not fast-forward ${current}; ${sentence}.\n${gitMessage(error)}`, {
      details: { next: next ?? "`git stash` the changes or remove the lock it names, then `ossaat apply` again" },
      cause: error,
    });
  }
}

async function fastForward({ root, stateDir }: Target, { planId, branch, commit }: Result): Promise<string> {
  const current = (await git(root, ["symbolic-ref", "--quiet", "--short", "HEAD"]).catch(() => "")).trim();
  if (current === "") {
    throw new AgentError("conflict", "Your checkout is on no branch (detached head).", {
      details: { next: "`git switch <branch>` and `ossaat apply` again, or `ossaat apply --patch`" },
    });
  }
  const before = (await git(root, ["rev-parse", "HEAD"])).trim();
  if (before === commit)
    return `${current} of ${root} is at ${commit.slice(0, 12)} already: there is nothing to apply.`;
  try {
    await git(root, ["merge-base", "--is-ancestor", "HEAD", commit]);
  } catch (error) {
    const name = await resultName(root, { branch, commit });
    throw new AgentError(
      "conflict",
      `${current} has commits that ${branch} does not have: a fast-forward is not possible.`,
      {
        details: { next: `\`git merge ${name}\`, \`git rebase ${name}\`, or \`ossaat apply --patch\`` },
        cause: error,
      },
    );
  }
  const ref = (await git(root, ["symbolic-ref", "HEAD"])).trim();
  const record = { planId, root, mode: "fast-forward", ref, before, after: commit } as const;
  await applyRecorded(stateDir, record, () => merge(root, { current, before, commit }));
  return `${current} of ${root} is at ${commit.slice(0, 12)} now.\nUndo: ossaat undo ${planId}`;
}

async function applyPatch({ root, stateDir }: Target, from: string, { planId, commit }: Result): Promise<string> {
  const record = { planId, root, mode: "patch", before: from, after: commit } as const;
  await applyRecorded(stateDir, record, async () => {
    const problem = await applyToCheckout(root, { from, to: commit });
    if (problem === undefined) return;
    throw new AgentError("conflict", problem.sentence, {
      details: { next: problem.next ?? "`git stash` your changes to these files, then `ossaat apply` again" },
    });
  });
  return `Applied as uncommitted changes in ${root}: read them with git diff.\nUndo: ossaat undo ${planId}`;
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
  requireCheckout(state);
  await requireCommit(state.repository.path, { id: state.id, ...result });
  await requireNoOpenWork(state.repository.path, `ossaat apply ${state.id}`);
  const target = { root: state.repository.path, stateDir: context.config.stateDir };
  const sentence =
    flags.patch === true
      ? await applyPatch(target, state.repository.baseCommit, result)
      : await fastForward(target, result);
  if (output.format === "text") output.note(sentence);
  else
    output.json({
      schemaVersion: 1,
      mode: flags.patch === true ? "patch" : "fast-forward",
      ...result,
    });
  return 0;
}
