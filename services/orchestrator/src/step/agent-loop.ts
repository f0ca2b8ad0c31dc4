// The agent step's loop: read history, decide the next thing, do it, record it, again. All
// memory is in the event log, so any turn of this loop may be the last of this process.
import { AgentError } from "@ossaat/contracts";
import type { AgentProfile, Budget, Envelope, WorkspaceId } from "@ossaat/contracts";
import { ProviderError } from "@ossaat/providers";
import type { Message, ToolDefinition } from "@ossaat/providers";

import { store } from "../artifact/artifacts.ts";
import { readStepEvents } from "../event/read-events.ts";
import { recordProgress } from "../job/claim-step.ts";
import type { Claim } from "../job/engine.ts";
import type { ResolvedModel } from "../provider/models.ts";
import { callModel } from "./call-model.ts";
import { callTool, toolDefinition } from "./call-tool.ts";
import { outputTokens, turnToCompact, windowChars, writeDigest } from "./compact-context.ts";
import { loadConversation } from "./conversation.ts";
import type { Conversation } from "./conversation.ts";
import { readHistory } from "./history.ts";
import type { StepHistory } from "./history.ts";
import { stepLimits } from "./limits.ts";
import { nextAction } from "./next-action.ts";
import type { LoopRules, NextAction } from "./next-action.ts";
import type { StepDeps } from "./step-deps.ts";
import { StepFailed, finalFailure } from "./step-failed.ts";

export type Verdict<T> = { accepted: true; result: T } | { accepted: false; feedback: string };

export type AgentTask<T> = {
  profile: AgentProfile;
  model: ResolvedModel;
  systemPrompt: string;
  /** First message and where it comes from; asked for once, then kept in the log. */
  assemble(): Promise<{ text: string; sources: string[] }>;
  workspaceId: WorkspaceId;
  envelope: Envelope;
  budget: Budget;
  offered: readonly string[];
  control: ToolDefinition;
  rules: LoopRules;
  stepHash: string;
  approvedHash: string | undefined;
  /** Judges a claim to be done; never by the model's word alone. */
  judge(finish: { report: unknown; text: string; history: StepHistory }): Promise<Verdict<T>>;
};

export type AgentEnd<T> = { status: "accepted"; result: T } | { status: "parked" };

async function ensureContext<T>(deps: StepDeps, claim: Claim, task: AgentTask<T>): Promise<void> {
  const history = readHistory(await readStepEvents(deps.engine.store.read, claim.planId, claim.stepId));
  if (history.context !== undefined) return;
  const { text, sources } = await task.assemble();
  const message = await store(deps.engine.artifacts, { text });
  const data = { agent: task.profile.name, message, sources };
  await recordProgress(deps.engine, claim, { type: "context.assembled", data });
}

type Turn<T> = { deps: StepDeps; claim: Claim; task: AgentTask<T>; signal: AbortSignal };

/** The step's own cap, besides the plan's. @throws StepFailed */
function checkStepBudget({ maxTokens, maxCostUsd }: Budget, history: StepHistory): void {
  const tokens = history.turns.reduce((sum, turn) => sum + turn.tokens, history.broken.tokens);
  const costUsd = history.turns.reduce((sum, turn) => sum + turn.costUsd, history.broken.costUsd);
  if ((maxTokens !== undefined && tokens >= maxTokens) || (maxCostUsd !== undefined && costUsd >= maxCostUsd)) {
    const message = `the step used ${tokens} tokens and $${costUsd.toFixed(4)}, which is its budget`;
    throw finalFailure("budget", message, "limit_exceeded");
  }
}

type Compaction = { throughTurn: number; chars: number; cause: "window" | "refused" };

async function compact<T>({ deps, claim }: Turn<T>, history: StepHistory, compaction: Compaction): Promise<void> {
  const text = await writeDigest(deps.engine.artifacts, history, compaction.throughTurn);
  const digest = await store(deps.engine.artifacts, { text });
  await recordProgress(deps.engine, claim, { type: "context.compacted", data: { ...compaction, digest } });
}

/** Turns that have to leave before the next request; undefined = it fits. @throws StepFailed when none can leave */
function overfull(conversation: Conversation, chars: number, room: number): number | undefined {
  if (chars <= room * stepLimits.compactAt) return undefined;
  const throughTurn = turnToCompact(conversation.sizes, room);
  if (throughTurn !== undefined) return throughTurn;
  if (chars <= room) return undefined;
  throw finalFailure("limit", "what this step has to tell does not fit the model's context window", "limit_exceeded");
}

/** What to leave out after a model refused the request as too long; undefined = this is another error. */
function refusedTurn(error: unknown, conversation: Conversation): number | undefined {
  if (!(error instanceof ProviderError) || error.kind !== "contextLength") return undefined;
  return turnToCompact(conversation.sizes, conversation.chars / 2);
}

async function askModel<T>(
  turn: Turn<T>,
  action: Extract<NextAction, { type: "ask_model" }>,
  { history, conversation }: { history: StepHistory; conversation: Conversation },
): Promise<void> {
  const { model, offered, control } = turn.task;
  const tools = [...offered.map(toolDefinition), control];
  const chars = conversation.chars + JSON.stringify(tools).length;
  const throughTurn = overfull(conversation, chars, windowChars(model.provider.capabilities(model.modelId)));
  if (throughTurn !== undefined) return compact(turn, history, { throughTurn, chars, cause: "window" });
  try {
    await buyTurn(turn, action, { messages: conversation.messages, tools, chars, history });
  } catch (error) {
    const refused = refusedTurn(error, conversation);
    if (refused === undefined) throw error;
    await compact(turn, history, { throughTurn: refused, chars, cause: "refused" });
  }
}

type Question = { messages: Message[]; tools: ToolDefinition[]; chars: number; history: StepHistory };

/** The newest request for a turn when no worker saw its end. */
function interrupted({ requests, failures }: StepHistory, turn: number): { interruptedAttempt?: number } {
  const asked = requests.get(turn) ?? 0;
  return asked > (failures.get(turn) ?? 0) ? { interruptedAttempt: asked } : {};
}

async function buyTurn<T>(
  { deps, claim, task, signal }: Turn<T>,
  action: Extract<NextAction, { type: "ask_model" }>,
  { messages, tools, chars, history }: Question,
): Promise<void> {
  const { temperature } = task.profile.model;
  await callModel(deps.engine, {
    claim,
    model: task.model,
    journal: deps.journal,
    budget: task.budget,
    chars,
    ...interrupted(history, action.turn),
    signal,
    request: {
      messages,
      tools,
      maxOutputTokens: outputTokens(task.model.provider.capabilities(task.model.modelId)),
      cache: { key: `${claim.planId}/${claim.stepId}` },
      ...(temperature === undefined ? {} : { temperature }),
      metadata: {
        tenantId: claim.plan.tenant_id,
        planId: claim.planId,
        stepId: claim.stepId,
        agent: task.profile.name,
        tags: task.profile.observability.tracingTags,
        turn: action.turn,
        requestAttempt: action.requestAttempt,
      },
    },
  });
}

async function answerControl<T>(
  { deps, claim, task }: Turn<T>,
  { callId, state, summary, text }: { callId: string; state: "failed" | "cancelled"; summary: string; text: string },
): Promise<undefined> {
  const data = { callId, tool: task.control.name, state, summary, output: { value: { text } }, seconds: 0 };
  await recordProgress(deps.engine, claim, { type: "tool.finished", data });
}

async function finish<T>(
  turn: Turn<T>,
  action: Extract<NextAction, { type: "finish" }>,
  history: StepHistory,
): Promise<AgentEnd<T> | undefined> {
  const { deps, claim, task } = turn;
  const verdict = await task.judge({ report: action.report, text: action.text, history });
  if (verdict.accepted) return { status: "accepted", result: verdict.result };
  const text = verdict.feedback;
  if (action.callId === undefined) {
    await recordProgress(deps.engine, claim, {
      type: "guidance.added",
      data: { afterTurn: action.turn, kind: "check_failed", text },
    });
    return undefined;
  }
  return answerControl(turn, { callId: action.callId, state: "failed", summary: "not accepted", text });
}

async function act<T>(turn: Turn<T>, history: StepHistory): Promise<AgentEnd<T> | undefined> {
  const { deps, claim, task, signal } = turn;
  const { model, systemPrompt } = task;
  const room = windowChars(model.provider.capabilities(model.modelId));
  const conversation = await loadConversation(deps.engine.artifacts, history, { systemPrompt, room });
  const action = nextAction(history, conversation.turns, task.rules);
  switch (action.type) {
    case "fail":
      throw new StepFailed(action.failure);
    case "guide": {
      const { afterTurn, kind, text } = action;
      await recordProgress(deps.engine, claim, { type: "guidance.added", data: { afterTurn, kind, text } });
      return undefined;
    }
    case "compact":
      await compact(turn, history, { throughTurn: action.throughTurn, chars: conversation.chars, cause: "refused" });
      return undefined;
    case "ask_model":
      checkStepBudget(task.envelope.budget, history);
      await askModel(turn, action, { history, conversation });
      return undefined;
    case "call_tool": {
      const { callId, call } = action;
      const outcome = await callTool(deps, { ...task, claim }, { callId, call, history, signal });
      return outcome === "parked" ? { status: "parked" } : undefined;
    }
    case "refuse_finish":
      return answerControl(turn, { ...action, state: "cancelled", summary: "cut, not accepted" });
    case "finish":
      return finish(turn, action, history);
  }
}

/**
 * Runs an agent until its work is accepted or it waits for a person.
 * @throws StepFailed, AgentError, LeaseLost; the signal's reason when aborted, that of `draining` between two turns or calls
 */
export async function runAgent<T>(
  deps: StepDeps,
  claim: Claim,
  task: AgentTask<T>,
  signal: AbortSignal,
): Promise<AgentEnd<T>> {
  await ensureContext(deps, claim, task);
  for (;;) {
    signal.throwIfAborted();
    deps.draining?.throwIfAborted();
    const events = await readStepEvents(deps.engine.store.read, claim.planId, claim.stepId);
    if (events.length === 0) throw new AgentError("internal", "The step has no history.");
    const end = await act({ deps, claim, task, signal }, readHistory(events));
    if (end !== undefined) return end;
  }
}
