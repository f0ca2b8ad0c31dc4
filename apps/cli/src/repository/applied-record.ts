// What `ossaat apply` did to a checkout, kept in the state folder so that it can be undone.
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";

import { z } from "zod";

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
  undone: z.boolean().default(false),
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

/** A record without an effect does no harm: undoing looks at the checkout itself. */
export async function writeApplied(stateDir: string, record: AppliedRecord): Promise<void> {
  const file = fileOf(stateDir, record.planId);
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.tmp`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.tmp`, file);
}
