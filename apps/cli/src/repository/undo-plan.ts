// Takes back what a plan did to a repository, if nothing else happened since: an applied change,
// or the branch of a result that nobody applied. Uncommitted changes are never touched.
import { statusText } from "@ossaat/contracts";
import { AgentError } from "@ossaat/contracts/errors";
import type { PlanState } from "@ossaat/contracts";

import { isInTree, stateOf } from "./applied-record.ts";
import type { AppliedRecord } from "./applied-record.ts";
import { describeLeft, takeSnapshot } from "./checkout-snapshot.ts";
import { git } from "./git.ts";
import { applyToCheckout, fitsCheckout, readPatch } from "./patch.ts";

/** What would be done, to be asked about, and doing it. */
export type Undo =
  | { kind: "nothing"; message: string; next?: string }
  | { kind: "move-branch" | "reverse-patch" | "delete-branch"; question: string; run: () => Promise<string> };

const short = (commit: string) => commit.slice(0, 12);

async function ask(root: string, args: readonly string[]): Promise<string | undefined> {
  return git(root, args).then(
    (text) => text.trim(),
    () => undefined,
  );
}

function conflict(message: string, next: string): AgentError {
  return new AgentError("conflict", message, { details: { next } });
}

/** Folder in which a branch is checked out. */
async function checkoutOf(root: string, ref: string): Promise<string | undefined> {
  const list = (await git(root, ["worktree", "list", "--porcelain", "-z"])).split("\0\0");
  const found = list.map((entry) => entry.split("\0")).find((lines) => lines.includes(`branch ${ref}`));
  return found?.[0]?.replace(/^worktree /, "");
}

function gitMessage(error: unknown): string {
  return ((error as { stderr?: string }).stderr ?? "").trim();
}

/** Moves a checked out branch with its files; git refuses where an uncommitted change is in the way. */
async function resetCheckout(folder: string, { ref, before, after }: Required<MovedBranch>): Promise<void> {
  const now = await ask(folder, ["rev-parse", "--verify", "--quiet", ref]);
  if (now !== after) throw conflict(`${ref} moved in this moment; nothing was changed.`, "ossaat undo");
  const snapshot = await takeSnapshot(folder, { from: after, to: before, withIndex: true });
  try {
    await git(folder, ["reset", "--quiet", "--keep", before]);
  } catch (error) {
    // The branch moves last: a git that was ended after that has done its work.
    if ((await ask(folder, ["rev-parse", "--verify", "--quiet", ref])) === before) return;
    const { sentence, next } = describeLeft(folder, await snapshot.restore());
    throw new AgentError("conflict", `git did not move ${ref}; ${sentence}.\n${gitMessage(error)}`, {
      details: { next: next ?? "`git stash` the changes or remove the lock it names, then `ossaat undo` again" },
      cause: error,
    });
  }
}

type MovedBranch = { root: string; ref: string; before: string; after: string };

async function planBranchMove({ root, ref, before, after }: MovedBranch, planId: string): Promise<Undo> {
  const name = ref.replace(/^refs\/heads\//, "");
  const tip = await ask(root, ["rev-parse", "--verify", "--quiet", ref]);
  if (tip === before) return { kind: "nothing", message: `${name} is at ${short(before)}: the change is not in it.` };
  if (tip === undefined) return { kind: "nothing", message: `There is no branch ${name} any more.` };
  if (tip !== after) {
    const others = await ask(root, ["rev-list", "--count", `${after}..${tip}`]);
    const holds = (await ask(root, ["merge-base", "--is-ancestor", after, tip])) !== undefined;
    const why = holds ? `has ${others ?? "more"} commits on top of the change` : "was rewritten since";
    throw conflict(
      `${name} ${why}: moving it back would lose them.`,
      `git revert --no-edit ${short(before)}..${short(after)}`,
    );
  }
  const folder = await checkoutOf(root, ref);
  return {
    kind: "move-branch",
    question: `Move ${name} of ${root} from ${short(after)} back to ${short(before)}? Uncommitted changes stay.`,
    run: async () => {
      if (folder !== undefined) await resetCheckout(folder, { root, ref, before, after });
      else await git(root, ["update-ref", "-m", `ossaat undo ${planId}`, ref, before, after]);
      return `${name} of ${root} is at ${short(before)} again.\nAgain: ossaat apply ${planId}`;
    },
  };
}

async function planReversePatch({ root, before, after, planId }: AppliedRecord): Promise<Undo> {
  const patch = await readPatch(root, before, after);
  const isOut = !(await fitsCheckout(root, patch, { reverse: true })) && (await fitsCheckout(root, patch));
  if (isOut) return { kind: "nothing", message: `The change is not in the working tree of ${root}.` };
  return {
    kind: "reverse-patch",
    question: `Take the change out of ${root}? Your other uncommitted changes stay.`,
    run: async () => {
      const problem = await applyToCheckout(root, { from: before, to: after, reverse: true });
      if (problem === undefined) return `The change is out of ${root}.\nAgain: ossaat apply --patch ${planId}`;
      throw conflict(problem.sentence, problem.next ?? `ossaat diff ${planId}`);
    },
  };
}

/** Removes a checkout that `ossaat open` made; git keeps one with changes. */
async function removeCheckout(root: string, folder: string): Promise<void> {
  try {
    await git(root, ["worktree", "remove", folder]);
  } catch (error) {
    throw new AgentError("conflict", `${folder} has changes; nothing was removed.\n${gitMessage(error)}`, {
      details: { next: `git worktree remove --force ${folder}` },
      cause: error,
    });
  }
}

/** The result was never applied by ossaat: its branch can go, if nobody built on it. */
async function planBranchDelete(state: PlanState, stateDir: string): Promise<Undo> {
  const { branch, commit, id } = state;
  const root = state.repository.path;
  if (branch === undefined || commit === undefined) {
    return { kind: "nothing", message: `${id} is ${statusText(state.status)} and made no branch.` };
  }
  const ref = `refs/heads/${branch}`;
  const tip = await ask(root, ["rev-parse", "--verify", "--quiet", ref]);
  if (tip === undefined) return { kind: "nothing", message: `There is no branch ${branch} any more.` };
  if (tip !== commit)
    throw conflict(`${branch} has other commits than the run made.`, `git log ${short(commit)}..${branch}`);
  const folder = await checkoutOf(root, ref);
  const isOurs = folder?.startsWith(`${stateDir}/open/`) === true;
  if (folder !== undefined && !isOurs)
    throw conflict(`${branch} is checked out in ${folder}.`, `git -C ${folder} switch --detach`);
  const users = await ask(root, ["for-each-ref", "--contains", commit, "--format=%(refname:short)", "refs/heads"]);
  const other = users?.split("\n").find((name) => name !== "" && name !== branch);
  if (other !== undefined) {
    throw conflict(
      `${other} holds the change, and not by \`ossaat apply\`.`,
      `git revert --no-edit ${short(state.repository.baseCommit)}..${short(commit)}`,
    );
  }
  return {
    kind: "delete-branch",
    question: `Delete ${branch} of ${root}? It was never applied; its commits go with it.`,
    run: async () => {
      if (folder !== undefined) await removeCheckout(root, folder);
      await git(root, ["update-ref", "-m", `ossaat undo ${id}`, "-d", ref, commit]);
      return `${branch} of ${root} is gone. It was at ${commit}.\nAgain: git branch ${branch} ${short(commit)}`;
    },
  };
}

/** Finds out what there is to undo. @throws AgentError conflict when something else happened since */
export async function planUndo(
  state: PlanState,
  { record, stateDir }: { record: AppliedRecord | undefined; stateDir: string },
): Promise<Undo> {
  if (record === undefined) return planBranchDelete(state, stateDir);
  if (stateOf(record) === "intent" && !(await isInTree(record))) return planBranchDelete(state, stateDir);
  if (stateOf(record) === "undone") {
    const next = state.branch === undefined ? {} : { next: `ossaat apply ${state.id}` };
    return { kind: "nothing", message: "It was undone already.", ...next };
  }
  const { ref, root, before, after } = record;
  if (record.mode === "patch" || ref === undefined) return planReversePatch(record);
  return planBranchMove({ root, ref, before, after }, state.id);
}
