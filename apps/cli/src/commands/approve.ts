// `ossaat approve` and `ossaat deny`: answers to a plan or to one approval request. What is
// approved is printed with its hash.
import { AgentError, ApprovalScope, statusText } from "@ossaat/contracts";
import type { ApprovalState, DecisionMeans, PlanState } from "@ossaat/contracts";
import type { Client } from "@ossaat/client";

import type { CommandContext } from "../command-context.ts";
import { nothingToApprove } from "../follow/nothing-to-approve.ts";
import { pendingApprovals, onApprovalOf } from "../follow/on-approval.ts";
import { watchRun } from "../follow/watch-run.ts";
import { requireCheckout } from "../repository/require-checkout.ts";
import { isEditedOnDisk } from "../repository/edit-plan-file.ts";
import { resolvePlan, resolveWaiting } from "../repository/resolve-plan.ts";
import { escapeExact } from "../terminal/escape.ts";
import { choose } from "../terminal/prompt.ts";
import { renderPlanText } from "../terminal/render-plan.ts";
import { renderApprovalCard } from "../terminal/approval-card.ts";
import { namedModel, requireAllowedModel } from "./plan.ts";
import { findApproval, isApprovalId } from "./show.ts";

export type ApproveFlags = {
  hash?: string;
  scope?: string;
  comment?: string;
  watch?: boolean;
  yes?: boolean;
};
export type DenyFlags = { hash?: string; reason?: string; replan?: boolean };

function checkShown(current: string | undefined, shown: string | undefined): void {
  if (shown === undefined || current?.startsWith(shown) === true) return;
  throw new AgentError("conflict", `You were shown hash ${shown}, it is ${current?.slice(0, 16) ?? "none"} now.`, {
    details: { next: "run `ossaat show PLAN` and decide again" },
  });
}

async function onlyPending(client: Client, state: PlanState, verb: string): Promise<ApprovalState> {
  const pending = pendingApprovals(state);
  const [only, second] = pending;
  if (only === undefined) {
    throw new AgentError("conflict", `Nothing of ${state.id} waits for an answer: it is ${statusText(state.status)}.`, {
      details: { next: `run \`ossaat show ${state.id}\`` },
    });
  }
  if (second === undefined) return only;
  throw new AgentError("invalid_input", `${pending.length} requests of ${state.id} wait: name one.`, {
    details: { approvals: pending.map(({ approvalId }) => approvalId), next: `ossaat ${verb} ${only.approvalId}` },
  });
}

async function approvePlan(
  client: Client,
  context: CommandContext,
  state: PlanState,
  flags: ApproveFlags,
): Promise<void> {
  const { output } = context;
  const planHash = state.planHash;
  if (planHash === undefined) throw nothingToApprove(state);
  checkShown(planHash, flags.hash);
  if (await isEditedOnDisk(state)) {
    throw new AgentError("conflict", "plan.json in the repository differs from the stored revision.", {
      details: {
        next: `\`ossaat edit ${state.id}\` stores the edit as a new revision; \`ossaat show ${state.id}\` shows the stored one`,
      },
    });
  }
  const model = namedModel(context);
  if (model !== undefined) await requireAllowedModel(client, context, model);
  if (asks(context, flags)) output.note(`\n${renderPlanText(state, context.style)}\n`);
  if (!(await confirmed(context, flags, "Approve this plan?"))) throw notApproved();
  await client.decidePlan(state.id, {
    decision: "approve",
    planHash,
    ...(flags.comment === undefined ? {} : { comment: flags.comment }),
    ...meansOf(context, flags),
    ...(model === undefined ? {} : { model }),
  });
  output.note(`Approved ${state.id} revision ${state.revision}, hash ${planHash}.`);
}

/** A person is asked after they saw it; a script names what it approves, best with --hash. */
function asks({ output }: CommandContext, { hash, yes }: ApproveFlags): boolean {
  return output.isInteractive && hash === undefined && yes !== true;
}

/** How a decision of these flags is made; a command that names what it approves is neither. */
function meansOf(context: CommandContext, flags: ApproveFlags): { means?: DecisionMeans } {
  if (asks(context, flags)) return { means: "interactive" };
  return flags.yes === true ? { means: "flag" } : {};
}

async function confirmed(context: CommandContext, flags: ApproveFlags, question: string): Promise<boolean> {
  if (!asks(context, flags)) return true;
  const choices = [
    { value: "yes", label: "Yes" },
    { value: "no", label: "No", hint: "nothing is decided" },
  ] as const;
  return (await choose(context.output, { message: question, choices, initial: "no" })) === "yes";
}

function notApproved(): AgentError {
  return new AgentError("cancelled", "Nothing was decided.", { details: { next: "ossaat show" } });
}

function readScope(text: string | undefined): "once" | "step" | "run" {
  const parsed = ApprovalScope.safeParse(text ?? "once");
  if (parsed.success) return parsed.data;
  throw new AgentError("invalid_input", `--scope takes once, step or run, not ${JSON.stringify(text)}.`);
}

async function approveRequest(
  client: Client,
  context: CommandContext,
  approval: ApprovalState,
  flags: ApproveFlags,
): Promise<void> {
  const { approvalId, requestHash } = approval;
  checkShown(requestHash, flags.hash);
  const scope = readScope(flags.scope);
  context.output.note(renderApprovalCard(approval, await client.getPlan(approval.planId), context.style));
  if (!(await confirmed(context, flags, "Approve this?"))) throw notApproved();
  await client.decideApproval(approvalId, {
    decision: "approve",
    requestHash,
    scope,
    ...(flags.comment === undefined ? {} : { comment: flags.comment }),
    ...meansOf(context, flags),
  });
  context.output.note(`Approved (${scope}) hash ${requestHash}.`);
}

export async function approveCommand(
  text: string | undefined,
  flags: ApproveFlags,
  context: CommandContext,
): Promise<number> {
  const { output } = context;
  const rule = onApprovalOf(context);
  const { client } = await context.connect({ mustFit: true });
  const direct = isApprovalId(text) ? await findApproval(client, text) : undefined;
  const named = direct?.planId ?? text ?? (await resolveWaiting(client, context, "approve"));
  const state = await resolvePlan(client, context, named);
  if (context.config.remote === undefined) requireCheckout(state);
  if (direct === undefined && state.status === "awaiting_approval") await approvePlan(client, context, state, flags);
  else await approveRequest(client, context, direct ?? (await onlyPending(client, state, "approve")), flags);
  if (flags.watch === true) {
    return watchRun(client, context, { planId: state.id, rule, model: namedModel(context) });
  }
  if (output.format !== "text") output.json({ schemaVersion: 1, plan: await client.getPlan(state.id) });
  else output.note(`Next: ossaat watch ${state.id}`);
  return 0;
}

async function denyRequest(client: Client, approval: ApprovalState, flags: DenyFlags): Promise<void> {
  const { approvalId, requestHash } = approval;
  checkShown(requestHash, flags.hash);
  if (flags.replan === true) {
    if (flags.reason === undefined) {
      throw new AgentError("invalid_input", "--replan needs --reason: say what should be planned instead.");
    }
    await client.decideApproval(approvalId, { decision: "replan", requestHash, feedback: flags.reason });
    return;
  }
  await client.decideApproval(approvalId, {
    decision: "deny",
    requestHash,
    ...(flags.reason === undefined ? {} : { feedback: flags.reason }),
  });
}

export async function denyCommand(
  text: string | undefined,
  flags: DenyFlags,
  context: CommandContext,
): Promise<number> {
  const { output } = context;
  const { client } = await context.connect();
  const direct = isApprovalId(text) ? await findApproval(client, text) : undefined;
  const named = direct?.planId ?? text ?? (await resolveWaiting(client, context, "deny"));
  const state = await resolvePlan(client, context, named);
  if (direct === undefined && state.status === "awaiting_approval") {
    checkShown(state.planHash, flags.hash);
    await client.decidePlan(state.id, {
      decision: "reject",
      ...(state.planHash === undefined ? {} : { planHash: state.planHash }),
      ...(flags.reason === undefined ? {} : { comment: flags.reason }),
    });
    output.note(`Rejected ${state.id}.`);
  } else {
    const approval = direct ?? (await onlyPending(client, state, "deny"));
    await denyRequest(client, approval, flags);
    output.note(`Denied: ${escapeExact(approval.title)}`);
  }
  if (output.format !== "text") output.json({ schemaVersion: 1, plan: await client.getPlan(state.id) });
  return 0;
}
