// Structural rules of a plan's step graph, shared by the server and by editors of plans.
import type { Plan, Step } from "./plan.ts";

type GraphStep = Pick<Step, "id" | "needs" | "action">;

export type GraphProblem = { path: string; message: string };

function duplicates(ids: readonly string[]): string[] {
  return [...new Set(ids.filter((id, index) => ids.indexOf(id) !== index))];
}

/** Step ids in an order that respects `needs`, or the ids left over when there is a cycle. */
export function topologicalOrder(steps: readonly Pick<Step, "id" | "needs">[]): { order: string[]; cycle: string[] } {
  const pending = new Map<string, Set<string>>(steps.map((step) => [step.id, new Set<string>(step.needs)]));
  const order: string[] = [];
  for (;;) {
    const ready = [...pending].filter(([, needs]) => [...needs].every((need) => !pending.has(need))).map(([id]) => id);
    if (ready.length === 0) return { order, cycle: [...pending.keys()] };
    for (const id of ready) {
      order.push(id);
      pending.delete(id);
    }
  }
}

/** Problems of the graph: duplicate or reserved ids, unknown needs, cycles. Empty when sound. */
export function findGraphProblems(plan: Pick<Plan, "steps">): GraphProblem[] {
  const ids = plan.steps.map((step): string => step.id);
  const known = new Set(ids);
  const problems: GraphProblem[] = duplicates(ids).map((id) => ({
    path: `steps`,
    message: `step id "${id}" is used more than once`,
  }));
  plan.steps.forEach((step, index) => {
    if (step.id.startsWith("plan.")) {
      problems.push({ path: `steps[${index}].id`, message: `ids that begin with "plan." are reserved` });
    }
    for (const need of step.needs) {
      if (!known.has(need)) problems.push({ path: `steps[${index}].needs`, message: `unknown step "${need}"` });
    }
  });
  const { cycle } = topologicalOrder(plan.steps);
  if (cycle.length > 0) problems.push({ path: "steps", message: `steps form a cycle: ${cycle.join(", ")}` });
  return problems;
}

/** Heads of the work a step starts from; each step is looked at once, so that width costs nothing. */
function createHeadFinder(all: readonly GraphStep[]): (step: GraphStep) => ReadonlySet<string> {
  const steps = new Map<string, GraphStep>(all.map((step) => [step.id, step]));
  const found = new Map<string, Set<string>>();
  const inputHeads = (step: GraphStep): ReadonlySet<string> => {
    const known = found.get(step.id);
    if (known !== undefined) return known;
    const heads = new Set<string>();
    found.set(step.id, heads);
    for (const need of step.needs) {
      const needed = steps.get(need);
      if (needed !== undefined) for (const head of headsAfter(needed, inputHeads)) heads.add(head);
    }
    return heads;
  };
  return inputHeads;
}

/** Where the work stands after a step: at the step itself when it writes, else where it started. */
function headsAfter(step: GraphStep, inputHeads: (step: GraphStep) => ReadonlySet<string>): ReadonlySet<string> {
  const writes = step.action === "apply_changes" || step.action === "merge";
  return writes ? new Set([step.id]) : inputHeads(step);
}

/**
 * Problems of the commits that flow along the graph: only a merge step may start from more
 * than one line of work, and the whole plan ends at exactly one.
 */
export function findHeadProblems(plan: { steps: readonly GraphStep[] }): GraphProblem[] {
  const inputHeads = createHeadFinder(plan.steps);
  const problems: GraphProblem[] = [];
  plan.steps.forEach((step, index) => {
    const heads = inputHeads(step);
    if (step.action !== "merge" && heads.size > 1) {
      const message = `step "${step.id}" starts from ${[...heads].join(" and ")}: put a merge step between`;
      problems.push({ path: `steps[${index}].needs`, message });
    }
  });
  const needed = new Set(plan.steps.flatMap((step): string[] => step.needs));
  const sinks = plan.steps.filter((step) => !needed.has(step.id));
  const ends = new Set(sinks.flatMap((step) => [...headsAfter(step, inputHeads)]));
  if (ends.size > 1) {
    problems.push({
      path: "steps",
      message: `the plan ends at ${[...ends].join(" and ")}: join them with a merge step`,
    });
  }
  return problems;
}
