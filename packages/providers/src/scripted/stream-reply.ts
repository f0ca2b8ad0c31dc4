// Plays one scripted reply as a stream, in pieces, as a real model would send it.
import { setTimeout as sleep } from "node:timers/promises";

import { ProviderError } from "../provider-error.ts";
import type { ModelRequest, StreamEvent, Usage } from "../spec.ts";
import type { ScriptedReply } from "./script-file.ts";

/** Words with the blanks after them, so that joining the pieces gives the text. */
function cutIntoPieces(text: string): string[] {
  return text.match(/\s*\S+\s*/g) ?? (text === "" ? [] : [text]);
}

function scriptedUsage(usage: ScriptedReply["usage"]): Usage {
  const total = usage?.inputTokens;
  const cacheRead = usage?.cachedInputTokens;
  return {
    input: {
      ...(total === undefined ? {} : { total }),
      ...(cacheRead === undefined ? {} : { cacheRead }),
      ...(total === undefined || cacheRead === undefined ? {} : { uncached: total - cacheRead }),
    },
    output: usage?.outputTokens === undefined ? {} : { total: usage.outputTokens },
    reportedCostUsd: usage?.costUsd ?? 0,
  };
}

function replyText(reply: ScriptedReply): string {
  const json = reply.json === undefined ? "" : JSON.stringify(reply.json);
  return `${reply.text ?? ""}${json}`;
}

/** Call ids name step, turn and place, so that they are the same after a restart. */
function callId(request: ModelRequest, index: number): string {
  const { stepId, turn } = request.metadata;
  return `call_${stepId.replaceAll(/[^A-Za-z0-9_-]/g, "_")}_${turn}_${index + 1}`;
}

/** The answer's events up to, not including, its end. */
function answerEvents(reply: ScriptedReply, request: ModelRequest): StreamEvent[] {
  const text = replyText(reply);
  const events: StreamEvent[] = [];
  if (text !== "") {
    events.push({ type: "blockStart", blockId: "text", kind: "text" });
    for (const piece of cutIntoPieces(text)) {
      events.push({ type: "blockDelta", blockId: "text", kind: "text", text: piece });
    }
    const isRefusal = reply.finishReason === "refusal";
    events.push({ type: "blockEnd", blockId: "text", kind: "text", ...(isRefusal ? { refusal: true } : {}) });
  }
  for (const [index, call] of (reply.toolCalls ?? []).entries()) {
    const id = callId(request, index);
    const rawJson = JSON.stringify(call.input);
    const block = { blockId: id, kind: "toolInput" } as const;
    events.push(
      { type: "blockStart", ...block, callId: id, toolName: call.name },
      { type: "blockDelta", ...block, text: rawJson },
      { type: "blockEnd", ...block },
      { type: "toolCall", blockId: id, call: { type: "toolCall", id, name: call.name, rawJson, input: call.input } },
    );
  }
  return events;
}

function failure(reply: ScriptedReply, request: ModelRequest, sent: number): ProviderError | undefined {
  const { error } = reply;
  if (error === undefined || request.metadata.requestAttempt > (error.times ?? Number.POSITIVE_INFINITY)) {
    return undefined;
  }
  if (sent < (error.afterChunks ?? 0)) return undefined;
  return new ProviderError(error.kind, `The scripted model failed as its file says (${error.kind}).`, {
    provider: "scripted",
    status: error.status,
    retryAfterMs: error.retryAfterMs,
    phase: sent > 0 ? "afterFirstToken" : "beforeFirstToken",
  });
}

async function pause(milliseconds: number | undefined, signal: AbortSignal | undefined): Promise<void> {
  if (milliseconds !== undefined && milliseconds > 0) await sleep(milliseconds, undefined, { signal });
}

/** Plays a reply; ends with exactly one terminal event. @throws AbortError when the signal aborts */
export async function* streamReply(reply: ScriptedReply, request: ModelRequest): AsyncGenerator<StreamEvent> {
  await pause(reply.delayMs, request.signal);
  let sent = 0;
  const early = failure(reply, request, sent);
  if (early !== undefined) {
    yield { type: "error", error: early };
    return;
  }
  yield { type: "start", warnings: [] };
  yield { type: "meta", servedModel: request.modelId };
  for (const event of answerEvents(reply, request)) {
    if (event.type === "blockDelta") {
      const error = failure(reply, request, sent);
      if (error !== undefined) {
        yield { type: "error", error };
        return;
      }
      if (sent > 0) await pause(reply.chunkDelayMs, request.signal);
      sent += 1;
    }
    yield event;
  }
  yield { type: "usage", usage: scriptedUsage(reply.usage) };
  const late = failure(reply, request, Number.POSITIVE_INFINITY);
  if (late !== undefined) {
    yield { type: "error", error: late };
    return;
  }
  const hasCalls = (reply.toolCalls?.length ?? 0) > 0;
  yield { type: "finish", reason: reply.finishReason ?? (hasCalls ? "toolCalls" : "stop") };
}
