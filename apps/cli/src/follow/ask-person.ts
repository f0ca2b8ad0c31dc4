// Puts a plan or a call in front of a person and sends their answer.
import { AgentError } from "@ossaat/contracts";
import type { ApprovalState, PlanState } from "@ossaat/contracts";
import type { Client } from "@ossaat/client";

import type { CommandContext } from "../command-context.ts";
import { editPlanFile } from "../repository/edit-plan-file.ts";
import { renderApprovalCard } from "../terminal/approval-card.ts";
import { escapeExact } from "../terminal/escape.ts";
import { reportError } from "../terminal/output.ts";
import { askText, choose } from "../terminal/prompt.ts";
import { renderPlanText } from "../terminal/render-plan.ts";
import type { Answered } from "./follow-plan.ts";
import { nothingToApprove } from "./nothing-to-approve.ts";
import { describeParked, pendingApprovals } from "./on-approval.ts";

type Asking = {
  client: Client;
  context: CommandContext;
  model?: string | undefined;
  /** Aborts when the question was answered elsewhere. */
  withdrawn: AbortSignal;
};

function decideLater({ context, withdrawn }: Asking, state: PlanState): Answered {
  if (withdrawn.aborted) {
    context.output.note("Answered elsewhere.");
    return "again";
  }
  context.output.note(describeParked(state));
  return "leave";
}

async function revise(asking: Asking, state: PlanState): Promise<Answered> {
  const feedback = await askText(asking.context.output, {
    message: "What should be different?",
    required: true,
    withdrawn: asking.withdrawn,
  });
  if (feedback === undefined) return "again";
  await asking.client.decidePlan(state.id, {
    decision: "revise",
    feedback,
    ...(state.planHash === undefined ? {} : { planHash: state.planHash }),
  });
  return "answered";
}

async function reject(asking: Asking, state: PlanState): Promise<Answered> {
  const comment = await askText(asking.context.output, {
    message: "Why? (may stay empty)",
    required: false,
    withdrawn: asking.withdrawn,
  });
  if (comment === undefined) return "again";
  await asking.client.decidePlan(state.id, {
    decision: "reject",
    means: "interactive",
    ...(state.planHash === undefined ? {} : { planHash: state.planHash }),
    ...(comment === "" ? {} : { comment }),
  });
  return "answered";
}

/** Approves exactly the revision that was shown. */
async function approvePlan({ client, model }: Asking, state: PlanState): Promise<Answered> {
  if (state.planHash === undefined) throw nothingToApprove(state);
  await client.decidePlan(state.id, {
    decision: "approve",
    planHash: state.planHash,
    means: "interactive",
    ...(model === undefined ? {} : { model }),
  });
  return "answered";
}

/** Shows the plan and asks; an edit or a revision comes back as another question. */
async function askAboutPlan(asking: Asking, state: PlanState): Promise<Answered> {
  const { context } = asking;
  context.output.note(`\n${renderPlanText(state, context.style)}\n`);
  const answer = await choose(context.output, {
    message: "Run this plan?",
    choices: [
      { value: "approve", label: "Approve and run" },
      { value: "edit", label: "Edit it", hint: "opens plan.json in your editor" },
      { value: "revise", label: "Ask for a change", hint: "the planner plans again" },
      { value: "reject", label: "Reject" },
      { value: "later", label: "Decide later", hint: "nothing is lost" },
    ],
    initial: "later",
    withdrawn: asking.withdrawn,
  });
  switch (answer) {
    case "approve":
      return approvePlan(asking, state);
    case "edit":
      await editPlanFile(asking.client, context, state, { mustOpen: true });
      return "again";
    case "revise":
      return revise(asking, state);
    case "reject":
      return reject(asking, state);
    default:
      return decideLater(asking, state);
  }
}

function ruleText({ rule }: ApprovalState): string {
  if (rule === undefined) return "";
  const things = [...rule.commands.map((command) => `\`${command}\``), ...rule.paths];
  return escapeExact(`allows ${rule.tool}${things.length === 0 ? "" : ` for ${things.join(", ")}`}`);
}

const yesLabels: Readonly<Record<ApprovalState["kind"], string>> = {
  call: "Allow once",
  step: "Start the step",
  reconcile: "Run it again: I looked, the effect did not happen or may happen twice",
};

async function answerCall(asking: Asking, state: PlanState, approval: ApprovalState): Promise<Answered> {
  const { client, context } = asking;
  const { approvalId, requestHash } = approval;
  context.output.note(`\n${renderApprovalCard(approval, state, context.style)}\n`);
  const isCall = approval.kind === "call";
  const rule = ruleText(approval);
  const answer = await choose(context.output, {
    message: "Your answer?",
    choices: [
      { value: "once", label: yesLabels[approval.kind] },
      ...(isCall ? [{ value: "step" as const, label: "Allow for this step", hint: rule }] : []),
      ...(isCall ? [{ value: "run" as const, label: "Allow for this run", hint: rule }] : []),
      { value: "deny", label: isCall ? "Deny with a reason" : "No: end the step" },
      { value: "replan", label: "Stop here and plan again" },
      { value: "later", label: "Decide later", hint: "nothing is lost" },
    ],
    initial: "later",
    withdrawn: asking.withdrawn,
  });
  if (answer === undefined || answer === "later") return "leave";
  if (answer === "deny" || answer === "replan") {
    const feedback = await askText(context.output, {
      message: answer === "deny" ? "Why, and what instead?" : "What should be planned instead?",
      required: answer === "replan",
      withdrawn: asking.withdrawn,
    });
    if (feedback === undefined) return "again";
    await client.decideApproval(
      approvalId,
      answer === "replan"
        ? { decision: "replan", requestHash, feedback }
        : { decision: "deny", requestHash, means: "interactive", ...(feedback === "" ? {} : { feedback }) },
    );
    return "answered";
  }
  await client.decideApproval(approvalId, { decision: "approve", requestHash, scope: answer, means: "interactive" });
  return "answered";
}

/** Asks what the plan waits for. A question somebody else answered meanwhile is passed over. */
export async function askPerson(asking: Asking, state: PlanState): Promise<Answered> {
  try {
    if (state.status === "awaiting_approval") return await askAboutPlan(asking, state);
    const [first] = pendingApprovals(state);
    if (first === undefined) return decideLater(asking, state);
    const answer = await answerCall(asking, state, first);
    return answer === "leave" ? decideLater(asking, state) : answer;
  } catch (error) {
    const isMistake = error instanceof AgentError && ["conflict", "invalid_input", "cancelled"].includes(error.code);
    if (!isMistake) throw error;
    reportError(error, asking.context.output);
    return "again";
  }
}
