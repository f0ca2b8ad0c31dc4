// `ossaat runs`: the plans of this repository, or of all.
import { countOf } from "@ossaat/contracts";
import { AgentError } from "@ossaat/contracts/errors";
import type { PlanSummary } from "@ossaat/contracts";
import type { Client } from "@ossaat/client";

import type { CommandContext } from "../command-context.ts";
import { requireRepository } from "../repository/find-repository.ts";
import { linkedCheckouts } from "../repository/linked-checkouts.ts";
import { goalLine } from "../terminal/escape.ts";
import { formatCost, formatSeconds } from "../terminal/format-figures.ts";

export type RunsFlags = { all?: boolean; limit?: string };

/** How wide other than plain letters are is told by tables that take longer to load than a request. */
async function clipGoal(goal: string, columns: number): Promise<string> {
  if (!/^[\x20-\x7e]*$/u.test(goal)) return (await import("../terminal/clip-styled.ts")).clipStyled(goal, columns);
  return goal.length <= columns ? goal : `${goal.slice(0, columns - 1)}…`;
}

async function row(plan: PlanSummary, { style, output }: CommandContext): Promise<string> {
  const age = formatSeconds(Date.now() - Date.parse(plan.createdAt));
  const steps = plan.steps.total === 0 ? "" : `${plan.steps.done}/${countOf(plan.steps.total, "step")}`;
  const asks =
    plan.pendingApprovals === 0 ? "" : `${plan.pendingApprovals} ${plan.pendingApprovals === 1 ? "needs" : "need"} you`;
  const cost = plan.costUsd === 0 && plan.unknownCostTurns === 0 ? "" : formatCost(plan);
  const urgency = plan.priority === undefined || plan.priority === "normal" ? "" : `priority ${plan.priority}`;
  const facts = [urgency, steps, asks, cost, plan.scripted ? "scripted" : "", `${age} ago`].filter(
    (text) => text !== "",
  );
  const goal = await clipGoal(goalLine(plan.goal), Math.max(20, output.width - 2));
  return `${plan.id}  ${style.status(plan.status)}  ${style.paint("dim", facts.join(", "))}\n  ${goal}`;
}

/** @throws AgentError invalid_input */
function readLimit(text = "20"): number {
  const limit = Number(text);
  if (Number.isSafeInteger(limit) && limit > 0) return limit;
  throw new AgentError("invalid_input", `--limit takes a whole number above 0, not ${JSON.stringify(text)}.`, {
    details: { next: "ossaat runs --limit 20" },
  });
}

/** Of one checkout, or of all; as many as are wanted or more. */
async function newestPlans(client: Client, repository: string | undefined, limit: number): Promise<PlanSummary[]> {
  const plans: PlanSummary[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.listPlans({
      ...(cursor === undefined ? {} : { cursor }),
      ...(repository === undefined ? {} : { repository }),
    });
    plans.push(...page.plans);
    cursor = page.nextCursor;
  } while (cursor !== undefined && plans.length < limit);
  return plans;
}

export async function runsCommand(flags: RunsFlags, context: CommandContext): Promise<number> {
  const { output } = context;
  const limit = readLimit(flags.limit);
  const repository = flags.all === true ? undefined : await requireRepository(context);
  const checkouts = repository === undefined ? [undefined] : await linkedCheckouts(repository);
  const { client } = await context.connect();
  const lists = await Promise.all(checkouts.map((checkout) => newestPlans(client, checkout, limit)));
  const shown = lists
    .flat()
    .sort((left, right) => Date.parse(right.createdAt) - Date.parse(left.createdAt))
    .slice(0, limit);
  if (output.format === "json") output.json({ schemaVersion: 1, plans: shown });
  else if (output.format === "ndjson") for (const plan of shown) output.json({ schemaVersion: 1, ...plan });
  else for (const text of await Promise.all(shown.map((plan) => row(plan, context)))) output.print(text);
  if (shown.length === 0) output.note('No plans yet.\nNext: ossaat plan "<goal>"');
  return 0;
}
