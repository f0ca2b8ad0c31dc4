// What the log of a plan refers to outside of the database.
import { isTerminalPlan, isTerminalStep } from "@ossaat/contracts";
import type { EventData, Sha256, Stored } from "@ossaat/contracts";

import type { Artifacts } from "../artifact/artifacts.ts";
import type { EventRow, PlanRow, StepRow } from "../store/tables.ts";

export type PlanReferences = { artifacts: Sha256[]; logRefs: Sha256[]; objects: string[] };

/** A quote inside of a JSON text is escaped, so what looks like a field is one. */
const refField = /"(?:ref|evidenceRef)":"([0-9a-f]{64})"/gu;
const logField = /"logRef":\s*"([0-9a-f]{64})"/gu;
const objectName = /^[0-9a-f]{40,64}$/u;

function named(text: string, field: RegExp): string[] {
  return [...text.matchAll(field)].map(([, name]) => name ?? "");
}

/** Commits that are read or built on, and for steps that may go on the newest tree of their files. */
function gitObjects(plan: PlanRow, steps: readonly StepRow[], events: readonly EventRow[]): string[] {
  const open = new Set(
    isTerminalPlan(plan.status)
      ? []
      : steps.filter(({ status }) => !isTerminalStep(status)).map(({ step_id: stepId }) => stepId),
  );
  const trees = new Map<string, string>();
  const commits: (string | undefined)[] = [];
  for (const { type, step_id: stepId, data_json: json } of events) {
    if (type === "plan.created") commits.push(baseOf(json));
    if (type === "workspace.opened") commits.push((JSON.parse(json) as EventData<"workspace.opened">).commit);
    if (type === "step.finished") commits.push((JSON.parse(json) as EventData<"step.finished">).result?.head);
    if (type === "plan.finished") commits.push((JSON.parse(json) as EventData<"plan.finished">).commit);
    if (type === "merge.finished") commits.push((JSON.parse(json) as { head?: string }).head);
    if (type !== "tool.finished" || stepId === null || !open.has(stepId)) continue;
    const { snapshot } = JSON.parse(json) as EventData<"tool.finished">;
    if (snapshot !== undefined) trees.set(stepId, snapshot);
  }
  const heads = steps.map(({ head }) => head ?? undefined);
  const all = [...commits, ...heads, ...trees.values()].filter((name) => name !== undefined);
  return [...new Set(all.filter((name) => objectName.test(name)))].toSorted();
}

/** The commit a plan was made for. */
export function baseOf(optionsJson: string): string {
  return (JSON.parse(optionsJson) as EventData<"plan.created">).repository.baseCommit;
}

async function outputLogs(artifacts: Artifacts, { data_json: json }: EventRow): Promise<string[]> {
  const { output } = JSON.parse(json) as { output?: Stored };
  const ref = output !== undefined && "ref" in output && typeof output.ref === "string" ? output.ref : undefined;
  return ref === undefined ? named(json, logField) : named(await artifacts.get(ref), logField);
}

/** Artifacts that events name. */
export function namedArtifacts(events: readonly EventRow[]): Sha256[] {
  return [...new Set(events.flatMap(({ data_json: json }) => named(json, refField)))].toSorted();
}

/** @throws AgentError not_found when an artifact is gone */
export async function findReferences(
  artifacts: Artifacts,
  { plan, steps, events }: { plan: PlanRow; steps: readonly StepRow[]; events: readonly EventRow[] },
): Promise<PlanReferences> {
  const logRefs = new Set<string>();
  for (const event of events) {
    if (event.type === "tool.finished") for (const ref of await outputLogs(artifacts, event)) logRefs.add(ref);
  }
  return {
    artifacts: namedArtifacts(events),
    logRefs: [...logRefs].toSorted(),
    objects: gitObjects(plan, steps, events),
  };
}
