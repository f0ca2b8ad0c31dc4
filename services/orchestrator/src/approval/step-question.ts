// The approval card of a step whose turn has come: all that its start lets happen, and what of it
// differs from what a person approved before.
import { hashStep } from "@ossaat/contracts";
import type { EventData, Step } from "@ossaat/contracts";

import type { PlanTx } from "../job/engine.ts";
import type { Question } from "./request-approval.ts";

/** The step as a person approved it last; undefined when nobody did, or its revision is not of this plan. */
export async function readApprovedStep({ tx, plan }: PlanTx, stepId: string): Promise<Step | undefined> {
  const hash = (JSON.parse(plan.approved_json) as Record<string, string>)[stepId];
  if (hash === undefined) return undefined;
  const rows = await tx
    .selectFrom("event")
    .select("data_json")
    .where("plan_id", "=", plan.id)
    .where("type", "=", "plan.proposed")
    .orderBy("seq", "desc")
    .execute();
  for (const { data_json: json } of rows) {
    const { steps } = (JSON.parse(json) as EventData<"plan.proposed">).plan;
    const found = steps.find((step) => step.id === stepId && hashStep(step) === hash);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Fields by name, those of the envelope each by itself, as JSON text. */
function fieldsOf({ envelope, stepHash: _hash, ...step }: Step): Map<string, string> {
  const inner = Object.entries(envelope).map(([name, value]): [string, unknown] => [`envelope.${name}`, value]);
  return new Map([...Object.entries(step), ...inner].map(([name, value]) => [name, JSON.stringify(value)]));
}

/** Each field that differs: as it was approved, and as it is. */
function diffOf(approved: Step, step: Step): string {
  const [before, after] = [fieldsOf(approved), fieldsOf(step)];
  const names = [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => before.get(name) !== after.get(name),
  );
  const line = (mark: string, name: string, value: string | undefined) =>
    value === undefined ? [] : [`${mark}${name}: ${value}`];
  return names
    .flatMap((name) => [...line("-", name, before.get(name)), ...line("+", name, after.get(name))])
    .join("\n");
}

/** What a person is asked before a step starts. */
export function stepQuestion(
  step: Step,
  { reason, approved }: { reason: string; approved: Step | undefined },
): Question {
  const { envelope, metadata, input, successCheck, timeoutSeconds } = step;
  const protectedPaths = metadata["protectedPaths"];
  const names = protectedPaths === undefined ? "" : `; it may write protected files: ${protectedPaths}`;
  const diff = approved === undefined ? "" : diffOf(approved, step);
  return {
    kind: "step",
    requestHash: hashStep(step),
    title: `Start step ${step.id}: ${step.title}`,
    agent: step.agent,
    ...(Object.keys(input).length === 0 ? {} : { inputJson: JSON.stringify(input) }),
    ...(diff === "" ? {} : { diff }),
    step: {
      tools: envelope.tools,
      commands: envelope.commands,
      successCheck,
      budget: envelope.budget,
      timeoutSeconds,
    },
    // NOTE: rated by rule when the step was planned or edited, and bound by the hash above.
    risk: step.risk,
    reason: `${reason}${names}`,
    reaches: {
      paths: envelope.paths,
      hosts: envelope.egressHosts,
      secrets: envelope.secrets,
      reversible: step.reversible,
    },
  };
}
