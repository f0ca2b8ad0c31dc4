// `ossaat show`: a plan and how far it is, or one approval request.
import { AgentError } from "@ossaat/contracts";
import type { ApprovalState } from "@ossaat/contracts";
import type { Client } from "@ossaat/client";

import type { CommandContext } from "../command-context.ts";
import { describeParked, pendingApprovals } from "../follow/on-approval.ts";
import { isParked } from "../exit-code.ts";
import { resolvePlan } from "../repository/resolve-plan.ts";
import { renderApprovalCard } from "../terminal/approval-card.ts";
import { renderEnd } from "../terminal/render-end.ts";
import { renderPlanText } from "../terminal/render-plan.ts";
import { renderRun } from "../terminal/render-run.ts";

export type ShowFlags = { plan?: boolean; evidence?: boolean };

const wholeApprovalId = /^approval-[0-9a-f]{16}$/;

/** The approval whose id is, or begins with, the text. @throws AgentError not_found, invalid_input */
export async function findApproval(client: Client, text: string): Promise<ApprovalState> {
  if (wholeApprovalId.test(text)) return client.getApproval(text);
  const { approvals } = await client.listApprovals({ status: "all" });
  const fitting = approvals.filter(({ approvalId }) => approvalId.startsWith(text));
  const [only, second] = fitting;
  if (only === undefined) {
    throw new AgentError("not_found", `There is no approval request ${JSON.stringify(text)}.`, {
      details: { next: "`ossaat show PLAN` lists the requests of a plan" },
    });
  }
  if (second === undefined) return only;
  throw new AgentError("invalid_input", `${JSON.stringify(text)} is the beginning of ${fitting.length} requests.`, {
    details: { next: `use more of the id, for example \`ossaat show ${only.approvalId}\`` },
  });
}

export function isApprovalId(text: string | undefined): text is string {
  return text?.startsWith("approval-") === true;
}

async function showApproval(client: Client, context: CommandContext, text: string): Promise<number> {
  const approval = await findApproval(client, text);
  if (context.output.format === "text") {
    context.output.print(renderApprovalCard(approval, await client.getPlan(approval.planId), context.style));
    if (approval.status !== "pending") context.output.note(`It was ${approval.status} already.`);
  } else context.output.json({ schemaVersion: 1, approval });
  return 0;
}

export async function showCommand(
  text: string | undefined,
  flags: ShowFlags,
  context: CommandContext,
): Promise<number> {
  const { output, style } = context;
  const { client } = await context.connect();
  if (isApprovalId(text)) return showApproval(client, context, text);
  const state = await resolvePlan(client, context, text);
  if (flags.evidence === true) {
    output.json(await client.getEvidence(state.id));
    return 0;
  }
  if (output.format !== "text") {
    output.json({ schemaVersion: 1, plan: state });
    return 0;
  }
  output.print(renderPlanText(state, style));
  if (flags.plan === true) return 0;
  if (state.finishedAt !== undefined) output.print(`\n${renderEnd(state, style)}`);
  else output.print(`\n${renderRun(state, { style, width: output.width, now: Date.now() }).slice(1).join("\n")}`);
  for (const approval of pendingApprovals(state)) output.print(`\n${renderApprovalCard(approval, state, style)}`);
  if (isParked(state)) output.note(`\n${describeParked(state)}`);
  return 0;
}
