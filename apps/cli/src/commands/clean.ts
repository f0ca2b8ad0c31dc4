// `ossaat clean`: removes the working trees and build caches that ended plans have on this machine.
import { AgentError } from "@ossaat/contracts/errors";
import { countOf, isTerminalPlan, statusText } from "@ossaat/contracts";
import type { PlanState, PlanSummary } from "@ossaat/contracts";
import { createKeptTrees } from "@ossaat/tool-runner";
import type { KeptTrees } from "@ossaat/tool-runner";

import type { CommandContext } from "../command-context.ts";
import { runnerFolder } from "../config.ts";
import { allPlans, resolvePlan } from "../repository/resolve-plan.ts";
import { confirm } from "../terminal/confirm.ts";
import { escapeLine } from "../terminal/escape.ts";
import { formatBytes } from "../terminal/format-figures.ts";
import { clip } from "../terminal/render-run.ts";

export type CleanFlags = { olderThan?: string; dryRun?: boolean; yes?: boolean };

type Kept = { plan: PlanSummary; bytes: number };

const dayMs = 24 * 60 * 60 * 1_000;

/** @throws AgentError invalid_input */
function readDays(text = "0"): number {
  const days = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isNaN(days)) return days;
  throw new AgentError("invalid_input", `--older-than takes days, not ${JSON.stringify(text)}.`, {
    details: { next: "ossaat clean --older-than 7" },
  });
}

function requireOwnServer({ config }: CommandContext): void {
  if (config.remote === undefined) return;
  throw new AgentError("invalid_input", "The working trees are on the machine of the server that OSSAAT_URL names.", {
    details: { next: "ossaat config explain workspaces.keepDays" },
  });
}

/** Plans that ended and have anything on the disk, those before `limit` alone. */
async function findKept(
  plans: AsyncIterable<PlanSummary>,
  trees: KeptTrees,
  { limit, only }: { limit: number; only: string | undefined },
): Promise<Kept[]> {
  const waiting = new Set(await trees.list());
  const kept: Kept[] = [];
  for await (const plan of plans) {
    const isMeant = waiting.has(plan.id) && (only === undefined || only === plan.id);
    if (!isMeant || !isTerminalPlan(plan.status)) continue;
    if (Date.parse(plan.finishedAt ?? plan.updatedAt) > limit) continue;
    kept.push({ plan, bytes: await trees.measure(plan.id) });
  }
  return kept;
}

/** @throws AgentError conflict for a plan that has not ended */
function requireEnded({ id, status }: PlanState): void {
  if (isTerminalPlan(status)) return;
  throw new AgentError("conflict", `${id} is ${statusText(status)}: its working trees are in use.`, {
    details: { next: `ossaat cancel ${id}` },
  });
}

const plural = (count: number) => countOf(count, "plan");

function row({ plan, bytes }: Kept, { style, output }: CommandContext): string {
  const goal = clip(escapeLine(plan.goal), Math.max(20, output.width - 2));
  const ended = (plan.finishedAt ?? plan.updatedAt).slice(0, 10);
  return `${plan.id}  ${style.status(plan.status)}  ${formatBytes(bytes)}, ended ${ended}\n  ${goal}`;
}

function toJson({ plan: { id, status, finishedAt }, bytes }: Kept) {
  return { planId: id, status, finishedAt, bytes };
}

/** @throws AgentError invalid_input, not_found, conflict, cancelled (the person said no) */
export async function cleanCommand(
  text: string | undefined,
  flags: CleanFlags,
  context: CommandContext,
): Promise<number> {
  const { output, config } = context;
  requireOwnServer(context);
  const limit = Date.now() - readDays(flags.olderThan) * dayMs;
  const { client } = await context.connect();
  const named = text === undefined ? undefined : await resolvePlan(client, context, text);
  if (named !== undefined) requireEnded(named);
  const trees = createKeptTrees(runnerFolder(config));
  const kept = await findKept(allPlans(client), trees, { limit, only: named?.id });
  const bytes = kept.reduce((sum, { bytes: each }) => sum + each, 0);
  const isDone = flags.dryRun !== true && kept.length > 0;
  if (output.format === "text") for (const each of kept) output.print(row(each, context));
  if (isDone) {
    const question = `Remove working trees and build caches of ${plural(kept.length)}, ${formatBytes(bytes)}? Branches and logs stay.`;
    await confirm(context, { question, isYes: flags.yes === true, next: "ossaat clean --yes" });
    for (const { plan } of kept) await trees.remove(plan.id);
  }
  if (output.format !== "text") output.json({ schemaVersion: 1, removed: isDone, plans: kept.map(toJson), bytes });
  else if (kept.length === 0) output.note("There is nothing to remove.");
  else output.note(`${isDone ? "Removed" : "Would remove"}: ${plural(kept.length)}, ${formatBytes(bytes)}.`);
  return 0;
}
