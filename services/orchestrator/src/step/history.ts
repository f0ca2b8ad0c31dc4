// What has happened in a step so far, read from its events alone: the memory a killed worker
// resumes from.
import type { ApprovalRequest, DecisionMeans, EventData, PlanEvent, Stored } from "@ossaat/contracts";

/** The platform's run of the tests on the plan's base commit. */
export const baselineCallId = "baseline.1";

export type CallRecord = {
  callId: string;
  tool: string;
  argsHash?: string | undefined;
  invocationId?: string | undefined;
  /** One line for people: what the call does. */
  title?: string | undefined;
  finished?: EventData<"tool.finished"> | undefined;
};

export type CallApproval = {
  request: ApprovalRequest;
  status: "pending" | "granted" | "denied" | "expired" | "void";
  feedback?: string | undefined;
  means?: DecisionMeans | undefined;
};

export type TurnRecord = {
  turn: number;
  message: Stored;
  finishReason: string;
  toolCalls: number;
  tokens: number;
  costUsd: number;
};

export type StepHistory = {
  context?: EventData<"context.assembled"> | undefined;
  /** The newest; it stands for everything up to its turn. */
  compaction?: EventData<"context.compacted"> | undefined;
  workspace?: EventData<"workspace.opened"> | undefined;
  /** Tree of the workspace after the last recorded effect. */
  tree?: string | undefined;
  turns: TurnRecord[];
  /** What turns cost that broke before they were whole. */
  broken: { tokens: number; costUsd: number };
  calls: Map<string, CallRecord>;
  /** Calls in the order they finished. */
  finishedCalls: CallRecord[];
  guidance: EventData<"guidance.added">[];
  /** By call id, the newest. */
  approvals: Map<string, CallApproval>;
  /** Requests made per turn, finished or not. */
  requests: Map<number, number>;
  /** … of which this many ended without an answer and were charged. */
  failures: Map<number, number>;
  merge?:
    | { conflicts: EventData<"merge.conflicted">[]; finished?: EventData<"merge.finished"> | undefined }
    | undefined;
  startedAt?: string | undefined;
};

function emptyHistory(): StepHistory {
  return {
    turns: [],
    broken: { tokens: 0, costUsd: 0 },
    calls: new Map(),
    finishedCalls: [],
    guidance: [],
    approvals: new Map(),
    requests: new Map(),
    failures: new Map(),
  };
}

function addToolEvent(
  history: StepHistory,
  event: Extract<PlanEvent, { type: "tool.started" | "tool.finished" }>,
): void {
  if (event.type === "tool.started") {
    const { callId, tool, argsHash, invocationId, title } = event.data;
    history.calls.set(callId, { callId, tool, argsHash, invocationId, title });
    return;
  }
  const { callId, tool, snapshot } = event.data;
  const record = { ...(history.calls.get(callId) ?? { callId, tool }), finished: event.data };
  history.calls.set(callId, record);
  // It ran in another working tree and for the platform: nothing of it belongs to the agent's work.
  if (callId === baselineCallId) return;
  history.finishedCalls.push(record);
  if (snapshot !== undefined) history.tree = snapshot;
}

function addApprovalEvent(
  history: StepHistory,
  pending: Map<string, ApprovalRequest>,
  event: Extract<PlanEvent, { type: "approval.requested" | "approval.decided" }>,
): void {
  if (event.type === "approval.requested") {
    pending.set(event.data.request.approvalId, event.data.request);
    return;
  }
  const request = pending.get(event.data.approvalId);
  const { callId, status, feedback, means } = event.data;
  if (request !== undefined && callId !== undefined)
    history.approvals.set(callId, { request, status, feedback, means });
}

function addEvent(history: StepHistory, pending: Map<string, ApprovalRequest>, event: PlanEvent): void {
  switch (event.type) {
    case "step.started":
      history.startedAt ??= event.at;
      return;
    case "context.assembled":
      history.context = event.data;
      return;
    case "context.compacted":
      history.compaction = event.data;
      return;
    case "workspace.opened":
      history.workspace = event.data;
      history.tree = event.data.tree;
      return;
    case "budget.reserved":
      history.requests.set(event.data.turn, (history.requests.get(event.data.turn) ?? 0) + 1);
      return;
    case "model.finished": {
      const { turn, message, finishReason, toolCalls, usage, costUsd } = event.data;
      const tokens = event.data.tokens ?? (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0);
      history.turns.push({ turn, message, finishReason, toolCalls, tokens, costUsd: costUsd ?? 0 });
      return;
    }
    case "model.failed": {
      history.failures.set(event.data.turn, (history.failures.get(event.data.turn) ?? 0) + 1);
      const { tokens, costUsd } = history.broken;
      history.broken = { tokens: tokens + (event.data.tokens ?? 0), costUsd: costUsd + (event.data.costUsd ?? 0) };
      return;
    }
    case "guidance.added":
      history.guidance.push(event.data);
      return;
    case "tool.started":
    case "tool.finished":
      addToolEvent(history, event);
      return;
    case "approval.requested":
    case "approval.decided":
      addApprovalEvent(history, pending, event);
      return;
    case "merge.conflicted":
      history.merge = { conflicts: [...(history.merge?.conflicts ?? []), event.data] };
      return;
    case "merge.finished":
      history.merge = { conflicts: history.merge?.conflicts ?? [], finished: event.data };
      return;
    default:
      return;
  }
}

/** Folds the events of one step. */
export function readHistory(events: readonly PlanEvent[]): StepHistory {
  const history = emptyHistory();
  const pending = new Map<string, ApprovalRequest>();
  for (const event of events) addEvent(history, pending, event);
  return history;
}

/** Id of the n-th (0-based) tool call of a turn: stable over restarts. */
export function callIdOf(turn: number, index: number): string {
  return `${turn}.${index}`;
}
