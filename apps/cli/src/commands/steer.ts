// Commands that steer a plan: cancel, pause, resume, revise, edit, retry.
import type { PlanDecision, PlanState } from "@ossaat/contracts";

import type { CommandContext } from "../command-context.ts";
import { ownBudget } from "../config.ts";
import { exitCodeOfProposal } from "../exit-code.ts";
import { onApprovalOf } from "../follow/on-approval.ts";
import { watchRun } from "../follow/watch-run.ts";
import { withInterrupt } from "../follow/with-interrupt.ts";
import { cancelOnInterrupt } from "../follow/cancel-on-interrupt.ts";
import { followPlan } from "../follow/follow-plan.ts";
import { editPlanFile } from "../repository/edit-plan-file.ts";
import { requireCheckout } from "../repository/require-checkout.ts";
import { isUnderWay, resolvePlan } from "../repository/resolve-plan.ts";
import { renderPlanText } from "../terminal/render-plan.ts";
import { isProposed, nextAfterPlan } from "./plan.ts";
import type { PlanFlags } from "./plan.ts";

function report(context: CommandContext, state: PlanState, sentence: string): number {
  if (context.output.format === "text") context.output.note(sentence);
  else context.output.json({ schemaVersion: 1, plan: state });
  return 0;
}

type Steering = { decision: PlanDecision; sentence: (state: PlanState) => string };

async function steer(
  text: string | undefined,
  { decision, sentence }: Steering,
  context: CommandContext,
): Promise<number> {
  const { client } = await context.connect();
  const state = await resolvePlan(client, context, text, isUnderWay);
  return report(context, await client.decidePlan(state.id, decision), sentence(state));
}

export type ReasonFlags = { reason?: string };

function reasonOf({ reason }: ReasonFlags): { reason?: string } {
  return reason === undefined ? {} : { reason };
}

export function cancelCommand(text: string | undefined, flags: ReasonFlags, context: CommandContext): Promise<number> {
  const decision = { decision: "cancel", ...reasonOf(flags) } as const;
  return steer(text, { decision, sentence: ({ id }) => `Cancelling ${id}; its working trees stay.` }, context);
}

export function pauseCommand(text: string | undefined, flags: ReasonFlags, context: CommandContext): Promise<number> {
  const decision = { decision: "pause", ...reasonOf(flags) } as const;
  return steer(
    text,
    { decision, sentence: ({ id }) => `Paused: no further step starts.\nNext: ossaat resume ${id}` },
    context,
  );
}

export function resumeCommand(text: string | undefined, context: CommandContext): Promise<number> {
  return steer(
    text,
    { decision: { decision: "resume" }, sentence: ({ id }) => `Resumed.\nNext: ossaat watch ${id}` },
    context,
  );
}

/** Asks the planner for another revision and shows it. */
export async function reviseCommand(text: string, feedback: string, context: CommandContext): Promise<number> {
  const { output, style } = context;
  const { client } = await context.connect();
  const before = await resolvePlan(client, context, text);
  await client.decidePlan(before.id, {
    decision: "revise",
    feedback,
    ...(before.planHash === undefined ? {} : { planHash: before.planHash }),
  });
  const state = await withInterrupt(
    context,
    (signal) => followPlan(client, context, { planId: before.id, until: isProposed, signal }),
    cancelOnInterrupt(client, context, () => before.id),
  );
  if (output.format === "text") output.print(renderPlanText(state, style));
  else output.json({ schemaVersion: 1, plan: state });
  output.note(`\n${nextAfterPlan(state)}`);
  return exitCodeOfProposal(state);
}

/** Stores an edited plan file as a new revision. */
export async function editCommand(
  text: string | undefined,
  flags: { file?: string },
  context: CommandContext,
): Promise<number> {
  const { client } = await context.connect();
  const state = await resolvePlan(client, context, text);
  const after = await editPlanFile(client, context, state, { file: flags.file });
  return report(context, after, after.status === "awaiting_approval" ? `Next: ossaat approve ${after.id}` : "");
}

export type RetryFlags = Pick<PlanFlags, "detach"> & { from?: string };

/** Runs what did not succeed again, as a new plan, and watches it. */
export async function retryCommand(
  text: string | undefined,
  flags: RetryFlags,
  context: CommandContext,
): Promise<number> {
  const { output } = context;
  const budget = ownBudget(context.config);
  const rule = onApprovalOf(context);
  const { client } = await context.connect({ mustFit: true });
  const old = await resolvePlan(client, context, text);
  if (context.config.remote === undefined) requireCheckout(old);
  const state = await client.retryPlan(old.id, {
    ...(flags.from === undefined ? {} : { fromStep: flags.from }),
    ...(Object.keys(budget).length === 0 ? {} : { budget }),
  });
  output.note(`Retrying ${old.id} as ${state.id}.`);
  if (flags.detach !== true) return watchRun(client, context, { planId: state.id, rule });
  if (output.format === "text") output.print(state.id);
  else output.json({ schemaVersion: 1, plan: state });
  return 0;
}
