// `ossaat run`: plan, approve on the spot, watch to the end, in one command.
import { AgentError, isTerminalPlan } from "@ossaat/contracts";
import type { Client } from "@ossaat/client";
import type { PlanState } from "@ossaat/contracts";

import type { CommandContext } from "../command-context.ts";
import { exitCodeOf } from "../exit-code.ts";
import { nothingToApprove } from "../follow/nothing-to-approve.ts";
import { onApprovalOf } from "../follow/on-approval.ts";
import { reportEnd, watchRun } from "../follow/watch-run.ts";
import { serverStopped } from "../server/connect.ts";
import { renderPlanText } from "../terminal/render-plan.ts";
import { propose, readPlanRequest, requireAllowedModel } from "./plan.ts";
import type { PlanFlags } from "./plan.ts";

export type RunFlags = PlanFlags & { yes?: boolean };

async function approveAsProposed(client: Client, context: CommandContext, state: PlanState): Promise<void> {
  if (state.planHash === undefined) throw nothingToApprove(state);
  context.output.note(renderPlanText(state, context.style));
  await client.decidePlan(state.id, { decision: "approve", planHash: state.planHash, comment: "--yes", means: "flag" });
}

/** @throws AgentError policy_denied in run mode enterprise: a plan is approved after it was seen. */
function requireConsumer({ config }: CommandContext): void {
  if (config.runMode === "consumer") return;
  throw new AgentError("policy_denied", "--yes is refused in run mode enterprise: nobody would have seen the plan.", {
    details: { next: '`ossaat plan "<goal>"`, then `ossaat approve ID --hash HASH --watch`' },
  });
}

/** The approval is given by this command, not kept with the plan: who plans on does not know of it. */
function forgetsYes(thrown: unknown): never {
  if (!(thrown instanceof AgentError)) throw thrown;
  const { details, message } = thrown;
  const id = details["planId"];
  if (details["reason"] !== serverStopped || typeof id !== "string") throw thrown;
  throw new AgentError(thrown.code, `${message} --yes is not kept: the plan will wait for your approval.`, {
    details: { ...details, next: `\`ossaat watch ${id}\`; then \`ossaat approve ${id} --watch\`` },
    cause: thrown,
  });
}

/** Returns the exit code. */
export async function runCommand(words: readonly string[], flags: RunFlags, context: CommandContext): Promise<number> {
  const { output } = context;
  const rule = onApprovalOf(context);
  if (flags.yes === true) requireConsumer(context);
  const request = await readPlanRequest(words, flags, context);
  const { client } = await context.connect({ mustFit: true });
  await requireAllowedModel(client, context, request.model);
  const proposing = propose(client, context, request);
  const state = await (flags.yes === true ? proposing.catch(forgetsYes) : proposing);
  if (isTerminalPlan(state.status)) return reportEnd(context, state);
  // Somebody else may have decided already: then there is nothing to approve, and the run is followed.
  if (flags.yes === true && state.status === "awaiting_approval") await approveAsProposed(client, context, state);
  if (flags.detach === true) {
    if (output.format === "text") output.print(state.id);
    else output.json({ schemaVersion: 1, plan: await client.getPlan(state.id) });
    return flags.yes === true ? 0 : exitCodeOf(state);
  }
  return watchRun(client, context, { planId: state.id, rule });
}
