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

function headsOf(step: GraphStep, steps: ReadonlyMap<string, GraphStep>, seen: ReadonlySet<string>): Set<string> {
  if (step.action === "apply_changes" || step.action === "merge") return new Set([step.id]);
  return inputHeads(step, steps, seen);
}

function inputHeads(step: GraphStep, steps: ReadonlyMap<string, GraphStep>, seen: ReadonlySet<string>): Set<string> {
  const heads = new Set<string>();
  for (const need of step.needs) {
    const needed = steps.get(need);
    if (needed === undefined || seen.has(need)) continue;
    for (const head of headsOf(needed, steps, new Set([...seen, need]))) heads.add(head);
  }
  return heads;
}

/**
 * Problems of the commits that flow along the graph: only a merge step may start from more
 * than one line of work, and the whole plan ends at exactly one.
 */
export function findHeadProblems(plan: { steps: readonly GraphStep[] }): GraphProblem[] {
  const steps = new Map<string, GraphStep>(plan.steps.map((step) => [step.id, step]));
  const problems: GraphProblem[] = [];
  plan.steps.forEach((step, index) => {
    const heads = inputHeads(step, steps, new Set([step.id]));
    if (step.action !== "merge" && heads.size > 1) {
      const message = `step "${step.id}" starts from ${[...heads].join(" and ")}: put a merge step between`;
      problems.push({ path: `steps[${index}].needs`, message });
    }
  });
  const needed = new Set(plan.steps.flatMap((step): string[] => step.needs));
  const sinks = plan.steps.filter((step) => !needed.has(step.id));
  const ends = new Set(sinks.flatMap((step) => [...headsOf(step, steps, new Set([step.id]))]));
  if (ends.size > 1) {
    problems.push({
      path: "steps",
      message: `the plan ends at ${[...ends].join(" and ")}: join them with a merge step`,
    });
  }
  return problems;
}
