// A person's own revision of a plan. Everything is checked before anything is stored.
import {
  AgentError,
  Plan,
  capabilityTable,
  describeProblems,
  findGraphProblems,
  findHeadProblems,
  findIdleEntries,
  hashStep,
  parseEgressEntry,
  planLimits,
  schemaProblems,
  sealPlan,
  statusText,
  toolSpecs,
} from "@ossaat/contracts";
import type { Actor, AgentProfile, Budget, PlanStatus, SchemaProblem, SealedPlan } from "@ossaat/contracts";

import { advancePlan } from "../job/advance-plan.ts";
import { capBudget } from "../job/cap-budget.ts";
import { changePlan } from "../job/engine.ts";
import type { Engine } from "../job/engine.ts";
import { putRevision } from "./put-revision.ts";
import { requireUnfinished } from "./require-unfinished.ts";
import { withRuleRisk } from "./step-risk.ts";
import { findUnknownKeys } from "./unknown-keys.ts";

type AgentOfPlan = Pick<AgentProfile, "capabilities" | "approval_policy">;
type AgentsOfPlan = ReadonlyMap<string, AgentOfPlan>;

export type PlanProblem = SchemaProblem;

/** What is wrong with a plan as a whole, beyond its shape. */
function findPlanProblems(plan: Plan, agents: AgentsOfPlan): PlanProblem[] {
  const problems: PlanProblem[] = findGraphProblems(plan);
  if (problems.length === 0) problems.push(...findHeadProblems(plan));
  plan.steps.forEach((step, index) => {
    const at = `steps[${index}]`;
    if (step.action !== "merge" && !agents.has(step.agent)) {
      problems.push({
        path: `${at}.agent`,
        message: `unknown agent "${step.agent}": known are ${[...agents.keys()].join(", ")}`,
      });
    }
    const hosts = step.envelope.egressHosts.filter((entry) => parseEgressEntry(entry).ok);
    problems.push(
      ...networkProblem(`${at}.envelope.egressHosts`, { hosts, agent: step.agent, profile: agents.get(step.agent) }),
    );
    for (const glob of [...step.envelope.paths, ...step.files]) {
      if (glob.startsWith("/") || glob.split("/").includes("..")) {
        problems.push({ path: `${at}.envelope.paths`, message: `"${glob}" leads out of the repository` });
      }
      if (glob.split("/").some((part) => part.toLowerCase() === ".git")) {
        problems.push({
          path: `${at}.envelope.paths`,
          message: `"${glob}" lies in the git dir, which no step may write`,
        });
      }
    }
    for (const tool of step.envelope.tools) {
      if (!Object.hasOwn(toolSpecs, tool))
        problems.push({ path: `${at}.envelope.tools`, message: `unknown tool "${tool}"` });
    }
  });
  return [...problems, ...sizeProblems(plan)];
}

/** Entries that grant nothing. Those that the step has had, from an earlier version, may stay. */
function idleProblems({ steps }: Plan, current: Plan): PlanProblem[] {
  const known = new Map(current.steps.map(({ id, envelope }) => [id, envelope]));
  return steps.flatMap(({ id, envelope }, index) =>
    findIdleEntries(envelope)
      .filter(({ list, entry }) => known.get(id)?.[list].includes(entry) !== true)
      .map(({ list, entry, why }) => ({
        path: `steps[${index}].envelope.${list}`,
        message: `${JSON.stringify(entry)}: ${why}`,
      })),
  );
}

/** Hosts of a step whose agent may never reach the network would be shown, approved and refused. */
export function networkProblem(
  path: string,
  { hosts, agent, profile }: { hosts: readonly string[]; agent: string; profile: AgentOfPlan | undefined },
): PlanProblem[] {
  if (hosts.length === 0 || profile === undefined) return [];
  const isHeld =
    profile.capabilities.includes("network.egress") && profile.approval_policy["network.egress"] !== "deny";
  return isHeld ? [] : [{ path, message: `the agent ${agent} does not hold network.egress` }];
}

/** A plan must fit into one event. */
export function sizeProblems(plan: Plan): PlanProblem[] {
  const isLarge = Buffer.byteLength(JSON.stringify(plan)) > planLimits.maxPlanBytes;
  return isLarge ? [{ path: "", message: `the plan is larger than ${planLimits.maxPlanBytes} bytes` }] : [];
}

function invalidPlan(problems: readonly PlanProblem[], planId: string): AgentError {
  return new AgentError("invalid_input", `The edited plan is not valid: ${describeProblems(problems)}.`, {
    details: { problems, next: `mend .plans/${planId}/plan.json and run \`ossaat edit ${planId}\` again` },
  });
}

function parsePlan(value: unknown, planId: string): Plan {
  const parsed = Plan.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalidPlan(schemaProblems(parsed.error), planId);
}

/** Fields the platform writes; an edit cannot change them. */
function keepFixedFields(edited: Plan, current: SealedPlan, caps: Budget | undefined): Plan {
  const { id, createdAt, goal, planner, repository, schemaVersion } = current;
  const known = new Map(current.steps.map((step) => [step.id, step.stepHash]));
  const steps = edited.steps.map((step) => {
    const labelled = { ...step, capabilityLabel: capabilityTable[step.capability].label };
    return known.get(step.id) === hashStep(labelled) ? labelled : withRuleRisk(labelled);
  });
  const model = current.model === undefined ? {} : { model: current.model };
  return {
    ...edited,
    // A cap that was left out stays: no run is without a limit.
    budget: capBudget({ ...current.budget, ...edited.budget }, caps),
    steps,
    id,
    createdAt,
    goal,
    planner,
    repository,
    schemaVersion,
    ...model,
    revision: current.revision + 1,
  };
}

const editable: readonly PlanStatus[] = ["awaiting_approval", "pending", "running", "paused"];

export type EditPlanInput = {
  planId: string;
  basePlanHash: string;
  plan: unknown;
  actor: Actor;
  agents: AgentsOfPlan;
};

/**
 * Stores an edited plan as a new revision; an edit that changes nothing stores nothing.
 * @throws AgentError invalid_input (every problem named), conflict (stale base, started step)
 */
export async function editPlan(engine: Engine, input: EditPlanInput): Promise<{ planHash: string; revision: number }> {
  const { planId, actor } = input;
  const edited = parsePlan(input.plan, planId);
  const problems = findPlanProblems(edited, input.agents);
  if (problems.length > 0) throw invalidPlan(problems, planId);
  return changePlan(engine, { planId, actor }, async (change) => {
    const { plan } = change;
    if (plan.def_json === null || !editable.includes(plan.status)) {
      throw new AgentError("conflict", `The plan is ${statusText(plan.status)}: it cannot be edited.`, {
        details: { next: `ossaat show ${planId}` },
      });
    }
    await requireUnfinished(change);
    if (plan.def_hash !== input.basePlanHash) {
      throw new AgentError("conflict", "The plan changed since you began to edit it.", {
        details: { planHash: plan.def_hash, next: `run \`ossaat show ${planId} --plan\` and edit again` },
      });
    }
    const current = JSON.parse(plan.def_json) as SealedPlan;
    const unknown = findUnknownKeys({ schema: Plan, value: input.plan, before: current, path: "" });
    if (unknown.length > 0) throw invalidPlan(unknown, planId);
    if (edited.goal !== current.goal) {
      const message = "the goal cannot be edited: make another plan for another goal";
      throw invalidPlan([{ path: "goal", message }], planId);
    }
    const idle = idleProblems(edited, current);
    if (idle.length > 0) throw invalidPlan(idle, planId);
    const kept = keepFixedFields(edited, current, engine.budgetCaps);
    const unchanged = sealPlan({ ...kept, revision: current.revision });
    if (unchanged.planHash === current.planHash) return { planHash: current.planHash, revision: current.revision };
    const next = sealPlan(kept);
    await putRevision(change, { plan: next, origin: "edit" });
    if (plan.status !== "awaiting_approval") await advancePlan(engine, change);
    return { planHash: next.planHash, revision: next.revision };
  });
}
