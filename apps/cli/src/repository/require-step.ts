// Whether `--step` names a step of a plan; a mistyped one must not look like a step without events.
import { AgentError, isSystemStepId } from "@ossaat/contracts";
import type { PlanState } from "@ossaat/contracts";

import { closestName } from "../program/closest-name.ts";

/** Names in one message; a plan of more is listed by `ossaat show`. */
const maxNames = 12;

/** @throws AgentError invalid_input with the names there are */
export function requireStep(state: PlanState, step: string | undefined): void {
  const names = state.steps.map(({ id }) => id);
  if (step === undefined || names.includes(step) || isSystemStepId(step)) return;
  const near = closestName(step, names);
  const meant = near === undefined ? "" : ` Did you mean ${near}?`;
  const listed = names.length > maxNames ? [...names.slice(0, maxNames), "…"] : names;
  const steps = names.length === 0 ? "it has none yet" : `its steps are ${listed.join(", ")}`;
  throw new AgentError("invalid_input", `${state.id} has no step ${JSON.stringify(step)}: ${steps}.${meant}`, {
    details: { next: `ossaat show ${state.id}` },
  });
}
