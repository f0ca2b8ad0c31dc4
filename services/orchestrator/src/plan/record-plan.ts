// Keeps `.plans/<id>/` in the user's repository in step with the store: written after the
// commit, and again after a crash in between.
import { AgentError, isTerminalPlan } from "@ossaat/contracts";
import type { PlanStatus, SealedPlan, WorkspaceService } from "@ossaat/contracts";

import { changePlan, systemActor } from "../job/engine.ts";
import type { Engine } from "../job/engine.ts";
import { renderPlan } from "./render-plan.ts";

export type RecordDeps = { engine: Engine; workspaces: Pick<WorkspaceService, "writeRecord"> };

const recordable: readonly PlanStatus[] = ["awaiting_approval", "pending", "running", "paused"];

async function writeFiles(
  workspaces: RecordDeps["workspaces"],
  repositoryPath: string,
  plan: SealedPlan,
): Promise<void> {
  await workspaces.writeRecord({
    planId: plan.id,
    repositoryPath,
    files: [
      { name: "plan.json", content: `${JSON.stringify(plan, null, 2)}\n` },
      { name: "plan.md", content: renderPlan(plan) },
    ],
  });
}

/** Writes plan.json and plan.md of the stored revision; a failure is recorded, not thrown. */
export async function recordPlan({ engine, workspaces }: RecordDeps, planId: string): Promise<void> {
  const row = await engine.store.read.selectFrom("plan").selectAll().where("id", "=", planId).executeTakeFirst();
  if (row === undefined || row.def_json === null || row.recorded_revision >= row.revision) return;
  const { revision, repository_path: repositoryPath } = row;
  const problem = await writeFiles(workspaces, repositoryPath, JSON.parse(row.def_json) as SealedPlan).then(
    () => undefined,
    (error: unknown) => AgentError.from(error).message,
  );
  if (problem !== undefined) engine.log.warn({ planId, problem }, "plan files were not written");
  await changePlan(engine, { planId, actor: systemActor }, async (change) => {
    if (change.plan.recorded_revision >= revision || isTerminalPlan(change.plan.status)) return;
    await change.tx.updateTable("plan").set({ recorded_revision: revision }).where("id", "=", planId).execute();
    const data = problem === undefined ? { revision } : { revision, problem };
    await change.append({ type: "plan.recorded", data });
  });
}

/** Records what a killed process left out; a plan that cannot be recorded is logged and passed over. */
export async function recordMissing(deps: RecordDeps): Promise<void> {
  const rows = await deps.engine.store.read
    .selectFrom("plan")
    .select("id")
    .where("status", "in", recordable)
    .whereRef("recorded_revision", "<", "revision")
    .execute();
  for (const { id: planId } of rows) {
    await recordPlan(deps, planId).catch((error: unknown) =>
      deps.engine.log.error({ planId, error }, "plan was not recorded"),
    );
  }
}
