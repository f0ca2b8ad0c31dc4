// `ossaat runs`: the plans of this repository, or of all.
import { AgentError } from "@ossaat/contracts/errors";
import type { PlanSummary } from "@ossaat/contracts";

import type { CommandContext } from "../command-context.ts";
import { findRepository } from "../repository/find-repository.ts";
import { escapeLine } from "../terminal/escape.ts";
import { clip, formatCost, formatSeconds } from "../terminal/render-run.ts";

export type RunsFlags = { all?: boolean; limit?: string };

function row(plan: PlanSummary, { style, output }: CommandContext): string {
  const age = formatSeconds(Date.now() - Date.parse(plan.createdAt));
  const steps = plan.steps.total === 0 ? "" : `${plan.steps.done}/${plan.steps.total} steps`;
  const asks = plan.pendingApprovals === 0 ? "" : `${plan.pendingApprovals} need you`;
  const cost = plan.costUsd === 0 && plan.unknownCostTurns === 0 ? "" : formatCost(plan);
  const facts = [steps, asks, cost, plan.scripted ? "scripted" : "", `${age} ago`].filter((text) => text !== "");
  const goal = clip(escapeLine(plan.goal), Math.max(20, output.width - 2));
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

export async function runsCommand(flags: RunsFlags, context: CommandContext): Promise<number> {
  const { output } = context;
  const limit = readLimit(flags.limit);
  const repository = flags.all === true ? undefined : await findRepository(context.folder);
  const { client } = await context.connect();
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
  const shown = plans.slice(0, limit);
  if (output.format === "json") output.json({ schemaVersion: 1, plans: shown });
  else if (output.format === "ndjson") for (const plan of shown) output.json({ schemaVersion: 1, ...plan });
  else for (const plan of shown) output.print(row(plan, context));
  if (shown.length === 0) output.note('No plans yet.\nNext: ossaat plan "<goal>"');
  return 0;
}
