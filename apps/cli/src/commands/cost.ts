// `ossaat cost`: tokens and money by plan, step and model.
import { countOf } from "@ossaat/contracts";
import { AgentError } from "@ossaat/contracts/errors";
import type { Client } from "@ossaat/client";
import type { PlanSummary } from "@ossaat/contracts";

import type { CommandContext } from "../command-context.ts";
import { addCosts, tallyCost } from "../cost/tally-cost.ts";
import type { CostRow, CostSum } from "../cost/tally-cost.ts";
import { requireRepository } from "../repository/find-repository.ts";
import { readAllEvents } from "../repository/read-events.ts";
import { resolvePlanId } from "../repository/resolve-plan.ts";
import { escapeLine } from "../terminal/escape.ts";
import { formatCost, formatTokens } from "../terminal/format-figures.ts";
import { clip } from "../terminal/render-run.ts";
import { renderTable } from "../terminal/render-table.ts";

export type CostFlags = { since?: string; all?: boolean };

/** Plans whose log is read for one answer. */
const maxPlans = 200;

type PlanCost = { planId: string; goal: string; createdAt: string; rows: CostRow[]; sum: CostSum };

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

/** `90m`, `24h`, `7d`, `2w` or a date → a time. @throws AgentError invalid_input */
export function readSince(text: string | undefined, now: number): number {
  if (text === undefined) return Number.NEGATIVE_INFINITY;
  const span = /^(\d{1,6})([mhdw])$/.exec(text);
  if (span !== null) return now - Number(span[1]) * (units[span[2] ?? ""] ?? 0);
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new AgentError("invalid_input", `--since takes 90m, 24h, 7d, 2w or a date, not ${JSON.stringify(text)}.`, {
    details: { next: "ossaat cost --since 7d" },
  });
}

async function listPlans(client: Client, context: CommandContext, flags: CostFlags): Promise<PlanSummary[]> {
  const since = readSince(flags.since, Date.now());
  const repository = flags.all === true ? undefined : await requireRepository(context);
  const plans: PlanSummary[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.listPlans({
      ...(cursor === undefined ? {} : { cursor }),
      ...(repository === undefined ? {} : { repository }),
    });
    const fitting = page.plans.filter(({ createdAt }) => Date.parse(createdAt) >= since);
    plans.push(...fitting);
    cursor = fitting.length === page.plans.length ? page.nextCursor : undefined;
  } while (cursor !== undefined && plans.length < maxPlans);
  return plans;
}

async function costOf(client: Client, plan: Pick<PlanSummary, "id" | "goal" | "createdAt">): Promise<PlanCost> {
  const rows = tallyCost(await readAllEvents(client, plan.id));
  return { planId: plan.id, goal: plan.goal, createdAt: plan.createdAt, rows, sum: addCosts(rows) };
}

function figures(sum: CostSum): string[] {
  const turns = sum.brokenTurns === 0 ? String(sum.turns) : `${sum.turns}+${sum.brokenTurns} broken`;
  const estimated = sum.estimatedTokens === 0 ? "" : `${formatTokens(sum.estimatedTokens)} estimated`;
  const cached = sum.cachedTokens === null ? "unknown" : formatTokens(sum.cachedTokens);
  return [turns, formatTokens(sum.inputTokens), cached, formatTokens(sum.outputTokens), estimated, formatCost(sum)];
}

function planText({ planId, goal, rows, sum }: PlanCost, width: number): string[] {
  const columns = [
    { name: "step" },
    { name: "model" },
    ...["turns", "in", "cached", "out", "uncounted", "cost"].map((name) => ({ name, align: "right" as const })),
  ];
  const body = rows.map((row) => [
    escapeLine(row.stepId),
    `${escapeLine(row.model)}${row.scripted ? " (scripted)" : ""}`,
    ...figures(row),
  ]);
  const total = rows.length > 1 ? [["all", "", ...figures(sum)]] : [];
  const head = `${planId}  ${clip(escapeLine(goal), Math.max(20, width - planId.length - 2))}`;
  const table = rows.length === 0 ? ["no model was asked"] : renderTable(columns, [...body, ...total]);
  return [head, ...table.map((line) => `  ${line}`)];
}

/** One plan, or every plan of this repository. */
export async function costCommand(
  text: string | undefined,
  flags: CostFlags,
  context: CommandContext,
): Promise<number> {
  const { output } = context;
  readSince(flags.since, Date.now());
  const { client } = await context.connect();
  const plans: Pick<PlanSummary, "id" | "goal" | "createdAt">[] =
    text === undefined
      ? await listPlans(client, context, flags)
      : [
          await client
            .getPlan(await resolvePlanId(client, context, text))
            .then(({ id, goal, createdAt }) => ({ id: id as PlanSummary["id"], goal, createdAt })),
        ];
  const costs: PlanCost[] = [];
  for (const plan of plans.slice(0, maxPlans)) costs.push(await costOf(client, plan));
  const sum = addCosts(costs.map((cost) => cost.sum));
  if (output.format === "json") output.json({ schemaVersion: 1, plans: costs, sum });
  else if (output.format === "ndjson") for (const cost of costs) output.json({ schemaVersion: 1, ...cost });
  else {
    for (const cost of costs) output.print(planText(cost, output.width).join("\n"));
    if (costs.length > 1)
      output.print(
        `\nAll ${countOf(costs.length, "plan")}: ${formatTokens(sum.inputTokens)} in, ${formatTokens(sum.outputTokens)} out, ${formatCost(sum)}`,
      );
  }
  if (costs.length === 0) output.note("No plans in that time.\nNext: ossaat runs --all");
  if (plans.length > maxPlans) output.note(`Only the newest ${maxPlans} plans were counted; --since takes fewer.`);
  return 0;
}
