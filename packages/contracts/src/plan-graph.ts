// Structural rules of a plan's step graph, shared by the server and by editors of plans.
import type { Plan, Step } from "./plan.ts";

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
