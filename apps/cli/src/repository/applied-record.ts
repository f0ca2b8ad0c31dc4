// What `ossaat apply` does to a checkout, kept in the state folder so that it can be undone. It is
// written before the change is made; whether the change is there is read off the checkout itself.
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";

import { AgentError } from "@ossaat/contracts/errors";
import { z } from "zod";

import { git } from "./git.ts";
import { fitsCheckout, readPatch } from "./patch.ts";

const AppliedRecord = z.looseObject({
  schemaVersion: z.literal(1),
  planId: z.string(),
  /** Top level of the checkout. */
  root: z.string(),
  mode: z.enum(["fast-forward", "patch"]),
  /** Full name of the branch that was moved. */
  ref: z.string().optional(),
  /** Commits of the branch, or ends of the patch. */
  before: z.string(),
  after: z.string(),
  /** `intent` = the command ended, or was ended, before it knew that the change was made. */
  state: z.enum(["intent", "done", "undone"]).optional(),
  /** Records without a state: false = done. */
  undone: z.boolean().optional(),
});
export type AppliedRecord = z.infer<typeof AppliedRecord>;

function fileOf(stateDir: string, planId: string): string {
  return path.join(stateDir, "applied", `${planId}.json`);
}

/** Undefined when the plan was never applied by this user. */
export async function readApplied(stateDir: string, planId: string): Promise<AppliedRecord | undefined> {
  const text = await readFile(fileOf(stateDir, planId), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = AppliedRecord.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : undefined;
}

/** State of a record, of whatever version. */
export function stateOf({ state, undone }: AppliedRecord): "intent" | "done" | "undone" {
  return state ?? (undone === true ? "undone" : "done");
}

export async function writeApplied(stateDir: string, record: AppliedRecord): Promise<void> {
  const file = fileOf(stateDir, record.planId);
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.tmp`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.tmp`, file);
}

async function succeeds(root: string, args: readonly string[]): Promise<boolean> {
  return git(root, args).then(
    () => true,
    () => false,
  );
}

/** Whether the change of a record is in its checkout, whatever the record says. */
export async function isInTree({ mode, ref, root, before, after }: AppliedRecord): Promise<boolean> {
  if (mode === "fast-forward" && ref !== undefined) return succeeds(root, ["merge-base", "--is-ancestor", after, ref]);
  // Where the files have the change committed already, it is no longer a change of the working tree.
  if (await succeeds(root, ["merge-base", "--is-ancestor", after, "HEAD"])) return false;
  return fitsCheckout(root, await readPatch(root, before, after), { reverse: true });
}

/** Has the change of a plan in one place at a time, so that one record can undo it. */
async function requireNotApplied(previous: AppliedRecord | undefined): Promise<void> {
  if (previous === undefined || stateOf(previous) === "undone" || !(await isInTree(previous))) return;
  const { mode, ref = "", planId, root } = previous;
  const where = mode === "patch" ? `the working tree of ${root}` : ref.replace(/^refs\/heads\//, "");
  throw new AgentError("conflict", `The change is in ${where} already, by \`ossaat apply\`; nothing was changed.`, {
    details: { next: `ossaat undo ${planId}` },
  });
}

/**
 * Makes a change with its record around it: the intent before, the end after. A change that was
 * refused (AgentError: nothing happened) leaves the record as it was; any other error leaves the intent.
 * @throws AgentError conflict when the plan's change is there already; whatever `change` throws
 */
export async function applyRecorded(
  stateDir: string,
  record: Pick<AppliedRecord, "planId" | "root" | "mode" | "ref" | "before" | "after">,
  change: () => Promise<void>,
): Promise<void> {
  const previous = await readApplied(stateDir, record.planId);
  await requireNotApplied(previous);
  const next = { ...record, schemaVersion: 1 as const };
  await writeApplied(stateDir, { ...next, state: "intent" });
  try {
    await change();
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    if (previous === undefined) await rm(fileOf(stateDir, record.planId), { force: true });
    else await writeApplied(stateDir, previous);
    throw error;
  }
  await writeApplied(stateDir, { ...next, state: "done" });
}
