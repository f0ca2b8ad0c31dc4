// Whether the step rows of an archive are those of its plan: none missing, none invented, each
// waiting for what the plan says and run as the plan says.
import {
  finishStepId,
  hashStep,
  isPlanningStepId,
  isSystemStepId,
  isTerminalPlan,
  isTerminalStep,
} from "@ossaat/contracts";
import type { EventData, PlanState, SealedPlan } from "@ossaat/contracts";

import { stepKinds } from "../job/step-kinds.ts";
import type { EventRow, StepRow } from "../store/tables.ts";
import type { PlanRecords } from "./plan-rows.ts";

type Told = { rows: PlanRecords; state: PlanState; events: readonly EventRow[] };

function proposedIds(events: readonly EventRow[]): Set<string> {
  const proposals = events.filter(({ type }) => type === "plan.proposed");
  return new Set(
    proposals.flatMap(({ data_json: json }) =>
      (JSON.parse(json) as EventData<"plan.proposed">).plan.steps.map(({ id }): string => id),
    ),
  );
}

/** A planning round nobody heard of yet is the first of a plan that has just been made. */
function isPlanningRow(row: StepRow, { rows, state }: Told): boolean {
  const round = Number(row.step_id.slice("plan.".length));
  if (row.kind !== "planning" || row.effect_class !== "pure" || round < 1 || round > rows.plan.planning_round) {
    return false;
  }
  if (isTerminalStep(row.status)) return true;
  if (state.planning !== undefined) return state.planning.id === row.step_id && state.planning.status === row.status;
  return state.status === "draft" && row.status === "ready";
}

function isFinishRow(row: StepRow, { state }: Told): boolean {
  if (row.kind !== "finish" || row.effect_class !== "idempotent" || state.finishing === undefined) return false;
  return isTerminalPlan(state.status) || row.status === state.finishing.status;
}

/** Whether the row is as the newest revision has it; a step that left the plan has ended. */
function isPlanRow(row: StepRow, { state }: Told, definition: SealedPlan | undefined): boolean {
  const step = definition?.steps.find(({ id }) => id === row.step_id);
  if (step === undefined) return isTerminalStep(row.status);
  const kind = step.action === "merge" ? "merge" : "agent";
  const told = state.steps.find(({ id }) => id === row.step_id);
  return row.kind === kind && row.effect_class === step.envelope.effect && row.status === told?.status;
}

/** Of its kind, a version that this server runs. */
function isVersionKnown({ kind, kind_version: version }: StepRow): boolean {
  const newest = Object.hasOwn(stepKinds, kind) ? stepKinds[kind as keyof typeof stepKinds] : 0;
  return version >= 1 && version <= newest;
}

function needsOf(definition: SealedPlan | undefined): string[] {
  const steps = definition?.steps ?? [];
  return steps.flatMap(({ id, needs }) => [...new Set(needs)].map((need) => `${id} ${need}`)).toSorted();
}

/** The first thing about the steps that is not as the events say; `undefined` = all is. */
export function findForgedStep(told: Told): string | undefined {
  const { rows, events } = told;
  const definition = rows.plan.def_json === null ? undefined : (JSON.parse(rows.plan.def_json) as SealedPlan);
  if (definition?.steps.some((step) => step.stepHash !== hashStep(step)) === true) return "a step has another's hash";
  const ids = new Set(rows.steps.map((row) => row.step_id));
  const proposed = proposedIds(events);
  const named = events.flatMap(({ step_id: id }) => (id === null ? [] : [id]));
  if (ids.size !== rows.steps.length) return "a step is there twice";
  if ([...proposed, ...named].some((id) => !ids.has(id))) return "a step is missing";
  for (const row of rows.steps) {
    const id = row.step_id;
    if (!isSystemStepId(id) && !proposed.has(id)) return `step ${id} was never proposed`;
    const isPlanning = isPlanningStepId(id) && isPlanningRow(row, told);
    const isFinish = id === finishStepId && isFinishRow(row, told);
    const isTrue = isSystemStepId(id) ? isPlanning || isFinish : isPlanRow(row, told, definition);
    if (!isVersionKnown(row)) return `step ${id} is of no version of its kind`;
    if (!isTrue) return `step ${id} is not as its events say`;
  }
  const needs = rows.needs.map((row) => `${row.step_id} ${row.needs_step_id}`).toSorted();
  return needs.join() === needsOf(definition).join() ? undefined : "a step waits for others than the plan says";
}
