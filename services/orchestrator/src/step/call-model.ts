// One model turn: reserve, ask, settle, record. A turn that was recorded is never bought again.
import type { Budget, TurnUsage } from "@ossaat/contracts";
import { ProviderError, collectTurn } from "@ossaat/providers";
import type { ModelRequest, ModelTurn, StreamEvent, Usage } from "@ossaat/providers";
import { modelTurnEnd, modelTurnSpan, withSpan } from "@ossaat/telemetry";

import { store } from "../artifact/artifacts.ts";
import { releaseReservation, reserve, settle } from "../job/budget.ts";
import { capBudget } from "../job/cap-budget.ts";
import { changeClaimed } from "../job/claim-step.ts";
import { LeaseLost } from "../job/engine.ts";
import type { Claim, Engine } from "../job/engine.ts";
import type { ResolvedModel } from "../provider/models.ts";
import { isStoreTrouble } from "../store/store-outage.ts";
import { stepLimits } from "./limits.ts";
import type { TurnJournal, TurnKey, TurnRecording } from "./turn-journal.ts";

export type ModelCall = {
  claim: Claim;
  model: ResolvedModel;
  journal: TurnJournal;
  budget: Budget;
  request: Omit<ModelRequest, "modelId" | "signal">;
  chars: number;
  /** Number of an earlier request for this turn that no worker saw end. */
  interruptedAttempt?: number;
  signal: AbortSignal;
};

/** What a turn was seen to use while it arrived. */
type Seen = { usage?: Usage; chars: number };

function note(seen: Seen, event: StreamEvent): void {
  if (event.type === "usage") seen.usage = event.usage;
  if (event.type === "blockDelta") seen.chars += event.text.length;
}

/** Tokens of the question, as reserved. */
function questionTokens({ chars }: ModelCall): number {
  return Math.ceil(chars / stepLimits.charsPerToken);
}

function worstCase(call: ModelCall): { tokens: number; costUsd: number | null } {
  const inputTokens = questionTokens(call);
  const outputTokens = call.request.maxOutputTokens ?? stepLimits.maxOutputTokens;
  const costUsd = call.model.price({
    input: { total: inputTokens, uncached: inputTokens },
    output: { total: outputTokens },
  });
  return { tokens: inputTokens + outputTokens, costUsd };
}

async function reserveTurn(engine: Engine, call: ModelCall): Promise<void> {
  const { claim, budget, request } = call;
  const reservation = worstCase(call);
  await changeClaimed(engine, claim, async (change) => {
    // Also for a plan that was made before the caps were: they hold from the next turn on.
    const held = capBudget(budget, engine.budgetCaps);
    await reserve(change.tx, { plan: change.plan, stepId: claim.stepId, budget: held, reservation });
    const { turn, requestAttempt } = request.metadata;
    await change.append({
      type: "budget.reserved",
      stepId: claim.stepId,
      attempt: claim.attempt,
      data: { turn, requestAttempt, ...reservation },
    });
  });
}

function showLive(engine: Engine, call: ModelCall): (event: StreamEvent) => void {
  const { claim, request } = call;
  const kinds = { text: "text", reasoning: "reasoning", toolInput: "tool" } as const;
  return (event) => {
    if (event.type !== "blockDelta") return;
    engine.bus.live({
      type: "model.delta",
      planId: claim.planId,
      stepId: claim.stepId,
      turn: request.metadata.turn,
      kind: kinds[event.kind],
      text: event.text,
    });
  };
}

function usageOf(usage: Usage): TurnUsage {
  const { total, cacheRead } = usage.input;
  return {
    ...(total === undefined ? {} : { inputTokens: total }),
    ...(cacheRead === undefined ? {} : { cachedInputTokens: cacheRead }),
    ...(usage.output.total === undefined ? {} : { outputTokens: usage.output.total }),
  };
}

function tokensOf({ inputTokens = 0, outputTokens = 0 }: TurnUsage): number {
  return inputTokens + outputTokens;
}

/** No question has 0 tokens: a server that says so, or says nothing, did not count. */
function isCounted({ input, reportedCostUsd }: Usage): boolean {
  return (input.total ?? 0) > 0 || reportedCostUsd !== undefined;
}

type TurnCost = { usage: TurnUsage; tokens: number; costUsd: number | null; estimated: boolean };

/**
 * What a delivered turn is charged. Where the server did not count, no cap would ever be met: the
 * tokens are estimated then and the cost is unknown.
 */
function costOfTurn(call: ModelCall, { usage: reported, message }: ModelTurn): TurnCost {
  const usage = usageOf(reported);
  if (isCounted(reported)) {
    return { usage, tokens: tokensOf(usage), costUsd: costOf(call, reported), estimated: false };
  }
  const answerTokens = Math.ceil(JSON.stringify(message.parts).length / stepLimits.charsPerToken);
  const tokens = questionTokens(call) + (usage.outputTokens || answerTokens);
  return { usage, tokens, costUsd: null, estimated: true };
}

async function recordTurn(
  engine: Engine,
  call: ModelCall,
  { turn, seconds }: { turn: ModelTurn; seconds: number },
): Promise<void> {
  const { claim, model, request } = call;
  const message = await store(engine.artifacts, turn.message);
  const { usage, tokens, costUsd, estimated } = costOfTurn(call, turn);
  const notCounted = "the server counted no tokens: they are estimated, and the cost is unknown";
  const warnings = estimated ? [...turn.warnings, notCounted] : turn.warnings;
  await changeClaimed(engine, claim, async (change) => {
    await settle(change.tx, claim.step, { tokens, costUsd });
    await change.append({
      type: "model.finished",
      stepId: claim.stepId,
      attempt: claim.attempt,
      data: {
        turn: request.metadata.turn,
        provider: model.provider.id,
        model: turn.servedModel ?? model.modelId,
        message,
        finishReason: turn.finishReason,
        usage,
        costUsd,
        seconds,
        toolCalls: turn.toolCalls.length,
        scripted: model.scripted,
        ...(estimated ? { tokens } : {}),
        ...(warnings.length === 0 ? {} : { warnings }),
      },
    });
  });
}

/**
 * What a broken turn is charged: what the vendor said it used, else the question as it was
 * reserved with what had arrived of the answer and an unknown cost, so that trying again and again
 * meets the budget; nothing when the vendor turned the request away.
 */
function costOfFailure(call: ModelCall, error: ProviderError, seen: Seen): FailureCost | undefined {
  if (seen.usage !== undefined && isCounted(seen.usage)) {
    const usage = usageOf(seen.usage);
    return { usage, tokens: tokensOf(usage), costUsd: costOf(call, seen.usage) };
  }
  if (!error.mayHaveCost) return undefined;
  return { tokens: questionTokens(call) + Math.ceil(seen.chars / stepLimits.charsPerToken), costUsd: null };
}

type FailureCost = { usage?: TurnUsage; tokens: number; costUsd: number | null };

async function recordFailure(
  engine: Engine,
  call: ModelCall,
  { error, seen }: { error: ProviderError; seen: Seen },
): Promise<void> {
  const { claim, request } = call;
  const { turn, requestAttempt } = request.metadata;
  const cost = costOfFailure(call, error, seen);
  await changeClaimed(engine, claim, async (change) => {
    if (cost === undefined) await releaseReservation(change.tx, claim.step);
    else await settle(change.tx, claim.step, cost);
    await change.append({
      type: "model.failed",
      stepId: claim.stepId,
      attempt: claim.attempt,
      data: { turn, requestAttempt, error: { code: error.code, message: error.message }, ...cost },
    });
  });
}

function costOf({ model }: ModelCall, usage: Usage): number | null {
  return usage.reportedCostUsd ?? model.price(usage);
}

function keyOfTurn({ claim, request }: ModelCall): TurnKey {
  return { planId: claim.planId, stepId: claim.stepId, turn: request.metadata.turn };
}

async function* replay(events: readonly StreamEvent[]): AsyncGenerator<StreamEvent> {
  yield* events;
}

/** Passes events on when the journal has them: the end when it is kept there. */
async function* recorded(events: AsyncIterable<StreamEvent>, recording: TurnRecording): AsyncGenerator<StreamEvent> {
  for await (const event of events) {
    if (event.type !== "heartbeat" && event.type !== "error") await recording.add(event);
    yield event;
  }
}

/** The turn from the journal when a killed worker had received it whole, else from the vendor. */
async function collectDelivered(engine: Engine, call: ModelCall, seen: Seen): Promise<ModelTurn> {
  const { model, request, signal, journal } = call;
  const provider = model.provider.id;
  const known = await journal.delivered(keyOfTurn(call));
  if (known !== undefined) return collectTurn(replay(known), { provider, onEvent: (event) => note(seen, event) });
  const events = model.provider.stream({ ...request, modelId: model.modelId, signal });
  const recording = await journal.begin(keyOfTurn(call));
  const show = showLive(engine, call);
  const onEvent = (event: StreamEvent) => {
    note(seen, event);
    show(event);
  };
  let turn: ModelTurn;
  try {
    turn = await collectTurn(recorded(events, recording), { provider, onEvent });
  } catch (error) {
    // NOTE: what broke off first is told: a provider's error is charged, one of the journal behind it is not.
    await recording.close().catch(() => undefined);
    throw error;
  }
  await recording.close();
  return turn;
}

async function requestTurn(engine: Engine, call: ModelCall, seen: Seen): Promise<ModelTurn> {
  const { claim, model, request } = call;
  const { maxOutputTokens, temperature, metadata } = request;
  const { attempt } = claim;
  const provider = model.provider.id;
  const start = modelTurnSpan({
    ...metadata,
    attempt,
    provider,
    model: model.modelId,
    scripted: model.scripted,
    maxOutputTokens,
    temperature,
  });
  return withSpan(start, async (span) => {
    const turn = await collectDelivered(engine, call, seen);
    const { usage, finishReason, responseId, servedModel, toolCalls } = turn;
    const { costUsd } = costOfTurn(call, turn);
    span.set(
      modelTurnEnd({
        usage,
        finishReason,
        responseId,
        responseModel: servedModel,
        costUsd,
        toolCalls: toolCalls.length,
      }),
    );
    return turn;
  });
}

/** A step that is stopped may have lost its lease: its next worker charges what the journal holds. */
function unlessStopped(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof LeaseLost && signal.aborted)) throw error;
  };
}

/** Charges a request whose worker died before its end, unless it was not sent or is in the journal whole. */
async function chargeInterrupted(engine: Engine, call: ModelCall): Promise<void> {
  const { interruptedAttempt, journal, model, request } = call;
  const key = keyOfTurn(call);
  if (interruptedAttempt === undefined || (await journal.delivered(key)) !== undefined) return;
  const events = await journal.received(key);
  if (events === undefined) return;
  const seen: Seen = { chars: 0 };
  for (const event of events) note(seen, event);
  const error = new ProviderError("network", "The server stopped while the answer arrived.", {
    provider: model.provider.id,
    phase: "afterFirstToken",
  });
  const metadata = { ...request.metadata, requestAttempt: interruptedAttempt };
  await recordFailure(engine, { ...call, request: { ...request, metadata } }, { error, seen });
}

/**
 * Buys one turn and records it.
 * @throws AgentError limit_exceeded (budget), ProviderError, LeaseLost
 */
export async function callModel(engine: Engine, call: ModelCall): Promise<void> {
  const { signal } = call;
  await chargeInterrupted(engine, call);
  await reserveTurn(engine, call);
  const startedAt = engine.clock.monotonic();
  const seen: Seen = { chars: 0 };
  let turn: ModelTurn;
  try {
    turn = await requestTurn(engine, call, seen);
  } catch (error) {
    if (error instanceof ProviderError) await recordFailure(engine, call, { error, seen }).catch(unlessStopped(signal));
    // What was received until the store failed is charged by whoever goes on with the step.
    else if (isStoreTrouble(error)) throw error;
    // A record may be dropped by the holder of the lease alone: it can be the next worker's by now.
    else await changeClaimed(engine, call.claim, () => Promise.resolve()).catch(unlessStopped(signal));
    signal.throwIfAborted();
    await call.journal.forget(keyOfTurn(call));
    throw error;
  }
  await recordTurn(engine, call, { turn, seconds: (engine.clock.monotonic() - startedAt) / 1000 });
  await call.journal.forget(keyOfTurn(call));
}
