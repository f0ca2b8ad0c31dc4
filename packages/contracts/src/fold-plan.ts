// The one state model: a pure fold over events, used by server, CLI and screens alike.
import type { ApprovalRequest, ApprovalScope, ApprovalStatus, DecisionMeans } from "./approval.ts";
import type { Budget } from "./envelope.ts";
import type { EventData, PlanEvent, PlanEventOf, StepResult, TurnUsage } from "./event.ts";
import { finishStepId, isPlanningStepId } from "./ids.ts";
import type { Plan, PlannerKind } from "./plan.ts";
import { canPlanGo, canStepGo, isTerminalPlan, isTerminalStep } from "./plan-status.ts";
import type { EndReason, PlanStatus, StepStatus } from "./plan-status.ts";
import type { PlanPriority } from "./priority.ts";

export type StepState = {
  id: string;
  status: StepStatus;
  reason?: EndReason | undefined;
  message?: string | undefined;
  attempt: number;
  startedAt?: string | undefined;
  finishedAt?: string | undefined;
  retryAt?: string | undefined;
  /** Who named `retryAt`, when it was not the job engine. */
  retryAskedBy?: "provider" | undefined;
  turns: number;
  toolCalls: number;
  inputTokens: number;
  outputTokens: number;
  costUsd: number;
  /** What it is doing now, for a person. */
  activity?: string | undefined;
  pendingApprovalId?: string | undefined;
  result?: StepResult | undefined;
};

export type ApprovalState = ApprovalRequest & {
  status: ApprovalStatus;
  scope?: ApprovalScope | undefined;
  feedback?: string | undefined;
  decidedBy?: string | undefined;
  means?: DecisionMeans | undefined;
  decidedAt?: string | undefined;
};

export type PlanState = {
  id: string;
  status: PlanStatus;
  reason?: EndReason | undefined;
  message?: string | undefined;
  goal: string;
  createdAt: string;
  updatedAt: string;
  finishedAt?: string | undefined;
  createdBy: string;
  repository: EventData<"plan.created">["repository"];
  model: string | null;
  scripted: boolean;
  /** `none` as soon as one command of the run had no sandbox. */
  sandbox: EventData<"plan.created">["sandbox"];
  budget: Budget;
  retryOf?: string | undefined;
  /** Absent = normal. */
  priority?: PlanPriority | undefined;
  planner?: PlannerKind | undefined;
  plan?: Plan | undefined;
  planHash?: string | undefined;
  revision: number;
  /** Newest revision whose plan.json and plan.md were written; 0 = none. */
  recordedRevision: number;
  /** Why the files of the newest revision, or the evidence of the end, could not be written. */
  recordProblem?: string | undefined;
  approvedHash?: string | undefined;
  /** Step hashes that a person approved. */
  approvedSteps: Record<string, string>;
  /** The latest planning round. */
  planning?: StepState | undefined;
  /** The platform's last step: publishing the branch and writing the evidence. */
  finishing?: StepState | undefined;
  /** In plan order. */
  steps: StepState[];
  approvals: ApprovalState[];
  /**
   * Sums over all turns, broken ones included; `turns` counts those that finished,
   * `unknownCostTurns` those whose price is unknown.
   */
  spend: { inputTokens: number; outputTokens: number; costUsd: number; unknownCostTurns: number; turns: number };
  branch?: string | undefined;
  commit?: string | undefined;
  evidenceRef?: string | undefined;
  lastSeq: number;
};

const blankStep = (id: string, status: StepStatus): StepState => ({
  id,
  status,
  attempt: 0,
  turns: 0,
  toolCalls: 0,
  inputTokens: 0,
  outputTokens: 0,
  costUsd: 0,
});

function created(event: PlanEventOf<"plan.created">): PlanState {
  const { data } = event;
  return {
    id: event.planId,
    status: "draft",
    goal: data.goal,
    createdAt: event.at,
    updatedAt: event.at,
    createdBy: event.actor.id,
    repository: data.repository,
    model: data.model,
    scripted: data.scripted,
    sandbox: data.sandbox,
    budget: data.budget,
    retryOf: data.retryOf,
    ...(data.priority === undefined ? {} : { priority: data.priority }),
    revision: 0,
    recordedRevision: 0,
    approvedSteps: {},
    steps: [],
    approvals: [],
    spend: { inputTokens: 0, outputTokens: 0, costUsd: 0, unknownCostTurns: 0, turns: 0 },
    lastSeq: event.seq,
  };
}

/** A place is no status: it may change after the plan's end, too. */
function imported(state: PlanState, event: PlanEventOf<"plan.imported">): PlanState {
  const { repositoryPath: path } = event.data;
  const repository = path === undefined ? state.repository : { ...state.repository, path };
  return { ...state, repository, updatedAt: event.at, lastSeq: event.seq };
}

function withPlan(state: PlanState, data: EventData<"plan.proposed">): PlanState {
  const known = new Map(state.steps.map((step) => [step.id, step]));
  const changed = new Set<string>(data.changedSteps);
  const steps = data.plan.steps.map((step): StepState => {
    const before = known.get(step.id);
    if (before === undefined) return blankStep(step.id, "blocked");
    if (!changed.has(step.id)) return before;
    return patchLegally(before, (old) => ({ ...old, status: "blocked", pendingApprovalId: undefined }));
  });
  const status = state.status === "draft" ? "awaiting_approval" : state.status;
  const { plan, planHash, planner } = data;
  return { ...state, status, plan, planHash, planner, revision: plan.revision, steps };
}

type StepPatch = (step: StepState) => StepState;

/** A change that the state machine does not have is not made, so that terminal states absorb. */
function patchLegally(step: StepState, patch: StepPatch): StepState {
  if (isTerminalStep(step.status)) return step;
  const next = patch(step);
  return next.status === step.status || canStepGo(step.status, next.status) ? next : step;
}

function patchStep(state: PlanState, stepId: string | undefined, patch: StepPatch): PlanState {
  if (stepId === undefined) return state;
  if (isPlanningStepId(stepId)) {
    const planning = state.planning?.id === stepId ? state.planning : blankStep(stepId, "ready");
    return { ...state, planning: patchLegally(planning, patch) };
  }
  if (stepId === finishStepId) {
    return { ...state, finishing: patchLegally(state.finishing ?? blankStep(stepId, "ready"), patch) };
  }
  return { ...state, steps: state.steps.map((step) => (step.id === stepId ? patchLegally(step, patch) : step)) };
}

type Spent = { usage?: TurnUsage | undefined; costUsd?: number | null | undefined; turns: 0 | 1 };

function addSpend(state: PlanState, stepId: string | undefined, { usage, costUsd, turns }: Spent): PlanState {
  const input = usage?.inputTokens ?? 0;
  const output = usage?.outputTokens ?? 0;
  const spend = {
    inputTokens: state.spend.inputTokens + input,
    outputTokens: state.spend.outputTokens + output,
    costUsd: state.spend.costUsd + (costUsd ?? 0),
    unknownCostTurns: state.spend.unknownCostTurns + (costUsd === null ? 1 : 0),
    turns: state.spend.turns + turns,
  };
  return patchStep({ ...state, spend }, stepId, (step) => ({
    ...step,
    turns: step.turns + turns,
    inputTokens: step.inputTokens + input,
    outputTokens: step.outputTokens + output,
    costUsd: step.costUsd + (costUsd ?? 0),
    activity: undefined,
  }));
}

function addApproval(state: PlanState, event: PlanEventOf<"approval.requested">): PlanState {
  const { request } = event.data;
  const approvals = [...state.approvals, { ...request, status: "pending" as const }];
  return patchStep({ ...state, approvals }, request.stepId, (step) => ({
    ...step,
    status: request.kind === "reconcile" ? step.status : "awaiting_approval",
    pendingApprovalId: request.approvalId,
    activity: request.title,
  }));
}

function decideApproval(state: PlanState, event: PlanEventOf<"approval.decided">): PlanState {
  const { approvalId, status, scope, feedback, means } = event.data;
  const approvals = state.approvals.map((approval) =>
    approval.approvalId === approvalId
      ? { ...approval, status, scope, feedback, means, decidedBy: event.actor.id, decidedAt: event.at }
      : approval,
  );
  const asked = approvals.find((approval) => approval.approvalId === approvalId);
  const isApprovedStep = asked?.kind === "step" && status === "granted";
  const approvedSteps = isApprovedStep
    ? { ...state.approvedSteps, [asked.stepId]: asked.requestHash }
    : state.approvedSteps;
  return patchStep({ ...state, approvals, approvedSteps }, event.stepId, (step) => ({
    ...step,
    pendingApprovalId: undefined,
    activity: undefined,
  }));
}

function foldPlanEvent(state: PlanState, event: PlanEvent): PlanState | undefined {
  switch (event.type) {
    case "plan.proposed":
      return withPlan(state, event.data);
    case "plan.recorded":
      return { ...state, recordedRevision: event.data.revision, recordProblem: event.data.problem };
    case "plan.approved":
      return {
        ...state,
        status: state.status === "awaiting_approval" ? "pending" : state.status,
        approvedHash: event.data.planHash,
        approvedSteps: event.data.stepHashes,
        model: event.data.model ?? state.model,
        scripted: event.data.scripted ?? state.scripted,
      };
    case "plan.rejected":
      return { ...state, status: "rejected", reason: "rejected", message: event.data.comment, finishedAt: event.at };
    case "plan.revision_requested":
      return { ...state, status: "draft" };
    case "plan.started":
    case "plan.resumed":
      return { ...state, status: "running" };
    case "plan.paused":
      return { ...state, status: "paused" };
    case "plan.cancel_requested":
      return { ...state, status: "cancelling", message: event.data.reason };
    case "plan.finished": {
      const { status, reason, branch, commit, evidenceRef } = event.data;
      // Who cancelled said why when it was asked for, not when the last step had stopped.
      const message = event.data.message ?? (status === "cancelled" ? state.message : undefined);
      const recordProblem = event.data.recordProblem ?? state.recordProblem;
      return { ...state, status, reason, message, branch, commit, evidenceRef, recordProblem, finishedAt: event.at };
    }
    case "approval.requested":
      return addApproval(state, event);
    case "approval.decided":
      return decideApproval(state, event);
    case "model.finished":
      return addSpend(state, event.stepId, { ...event.data, turns: 1 });
    case "model.failed":
      return addSpend(state, event.stepId, { ...event.data, turns: 0 });
    case "tool.finished": {
      const next = patchStep(state, event.stepId, (step) => foldStepEvent(step, event));
      // One command without a sandbox is said of the whole run.
      return event.data.unsandboxed === true ? { ...next, sandbox: "none" } : next;
    }
    default:
      return undefined;
  }
}

function finishStep(step: StepState, event: PlanEventOf<"step.finished">): StepState {
  const { status, reason, message, result } = event.data;
  return { ...step, status, reason, message, result, finishedAt: event.at, activity: undefined, retryAt: undefined };
}

function foldStepEvent(step: StepState, event: PlanEvent): StepState {
  switch (event.type) {
    case "step.readied":
      return { ...step, status: "ready", retryAt: undefined };
    case "step.started":
      return {
        ...step,
        status: "running",
        attempt: event.attempt ?? step.attempt,
        startedAt: step.startedAt ?? event.at,
        retryAt: undefined,
      };
    case "step.backed_off":
      return {
        ...step,
        status: "backoff",
        message: event.data.error.message,
        retryAt: event.data.retryAt,
        retryAskedBy: event.data.askedBy,
      };
    case "step.lost":
      return { ...step, status: "backoff", message: "the worker stopped answering", activity: undefined };
    case "step.released":
      return { ...step, status: "ready", activity: undefined };
    case "step.reconcile_requested":
      return { ...step, status: "needs_reconcile", message: event.data.message };
    case "step.finished":
      return finishStep(step, event);
    case "budget.reserved":
      return { ...step, activity: `model turn ${event.data.turn}` };
    case "tool.started":
      return { ...step, toolCalls: step.toolCalls + 1, activity: event.data.title };
    case "tool.finished":
      return { ...step, activity: undefined };
    case "merge.conflicted":
      return { ...step, activity: `resolving a conflict in ${event.data.files.join(", ")}` };
    default:
      return step;
  }
}

/**
 * Adds one event to a plan's state. Pure; the first event is `plan.created`. An event whose
 * `seq` was seen already is ignored, so that a resumed stream may overlap; a change of status
 * that the state machine does not have is ignored too, so that terminal states absorb.
 */
export function foldPlan(state: PlanState | undefined, event: PlanEvent): PlanState {
  if (state === undefined) {
    if (event.type !== "plan.created") throw new TypeError(`a plan's log begins with plan.created, not ${event.type}`);
    return created(event);
  }
  if (event.seq <= state.lastSeq) return state;
  if (event.type === "plan.imported") return imported(state, event);
  if (isTerminalPlan(state.status)) return { ...state, updatedAt: event.at, lastSeq: event.seq };
  const folded = foldPlanEvent(state, event) ?? patchStep(state, event.stepId, (step) => foldStepEvent(step, event));
  const isLegal = folded.status === state.status || canPlanGo(state.status, folded.status);
  return { ...(isLegal ? folded : state), updatedAt: event.at, lastSeq: event.seq };
}
