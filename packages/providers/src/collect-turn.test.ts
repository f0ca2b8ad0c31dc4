import { describe, expect, test } from "vitest";

import { collectTurn } from "./collect-turn.ts";
import { ProviderError } from "./provider-error.ts";
import type { StreamEvent } from "./spec.ts";

async function* play(events: readonly StreamEvent[]): AsyncGenerator<StreamEvent> {
  yield* events;
}

const start: StreamEvent = { type: "start", warnings: ["w1"] };
const textStart: StreamEvent = { type: "blockStart", blockId: "0", kind: "text" };
const textDelta: StreamEvent = { type: "blockDelta", blockId: "0", kind: "text", text: "hi" };
const textEnd: StreamEvent = { type: "blockEnd", blockId: "0", kind: "text" };
const toolStart: StreamEvent = { type: "blockStart", blockId: "1", kind: "toolInput", callId: "c", toolName: "t" };
const toolDelta: StreamEvent = { type: "blockDelta", blockId: "1", kind: "toolInput", text: '{"a":' };
const toolEnd: StreamEvent = { type: "blockEnd", blockId: "1", kind: "toolInput" };
const call = (rawJson: string): StreamEvent => ({
  type: "toolCall",
  blockId: "1",
  call: { type: "toolCall", id: "c", name: "t", rawJson },
});
const finish = (reason: "stop" | "toolCalls" | "length" | "error"): StreamEvent => ({
  type: "finish",
  reason,
  raw: "r",
});

describe("collectTurn", () => {
  test("folds a whole stream", async () => {
    const seen: string[] = [];
    const turn = await collectTurn(
      play([
        start,
        { type: "meta", requestId: "req" },
        { type: "meta", servedModel: "m", responseId: "resp" },
        textStart,
        textDelta,
        { type: "heartbeat" },
        textDelta,
        textEnd,
        toolStart,
        toolDelta,
        toolEnd,
        call('{"a":1}'),
        { type: "usage", usage: { input: { total: 1 }, output: {} } },
        { type: "usage", usage: { input: { total: 1 }, output: { total: 2 } } },
        finish("toolCalls"),
      ]),
      { onEvent: (event) => seen.push(event.type) },
    );
    const toolCall = { type: "toolCall", id: "c", name: "t", rawJson: '{"a":1}', input: { a: 1 } };
    expect(turn).toEqual({
      message: { role: "assistant", parts: [{ type: "text", text: "hihi" }, toolCall] },
      toolCalls: [toolCall],
      usage: { input: { total: 1 }, output: { total: 2 } },
      finishReason: "toolCalls",
      rawFinishReason: "r",
      servedModel: "m",
      responseId: "resp",
      requestId: "req",
      warnings: ["w1"],
    });
    expect(seen).toHaveLength(15);
  });

  test("keeps reasoning with its opaque state even when its text is empty", async () => {
    const carry = { wire: "anthropic.messages", modelId: "m", data: { type: "redacted_thinking" } } as const;
    const turn = await collectTurn(
      play([
        { type: "blockStart", blockId: "r", kind: "reasoning" },
        { type: "blockEnd", blockId: "r", kind: "reasoning", carry },
        textStart,
        textDelta,
        textEnd,
        finish("stop"),
      ]),
    );
    expect(turn.message.parts).toEqual([
      { type: "reasoning", text: "", carry },
      { type: "text", text: "hi" },
    ]);
  });

  test("keeps text and drops the call when the limit cut the answer", async () => {
    const turn = await collectTurn(play([textStart, textDelta, toolStart, toolDelta, finish("length")]));
    expect(turn.message.parts).toEqual([{ type: "text", text: "hi" }]);
    expect(turn.toolCalls).toEqual([]);
  });

  test("an answer that the vendor itself calls failed is a failure that can be tried again", async () => {
    const events = [textStart, textDelta, textEnd, finish("error")];
    const failed = collectTurn(play(events), { provider: "acme" });
    await expect(failed).rejects.toMatchObject({
      kind: "server",
      retryable: true,
      phase: "afterFirstToken",
      message: "The model's answer failed: acme ended it with the reason r.",
    });
  });

  test.each<[string, StreamEvent[], string, string]>([
    ["nothing at all", [], "ended before the answer was complete", "beforeFirstToken"],
    ["no terminal event", [start, textStart, textDelta], "ended before", "afterFirstToken"],
    ["an empty answer", [start, finish("stop")], "sent an empty answer", "beforeFirstToken"],
    [
      "a call without its end",
      [toolStart, toolDelta, toolEnd, finish("toolCalls")],
      "middle of a tool",
      "afterFirstToken",
    ],
    ["arguments that are not JSON", [toolStart, call('{"a":'), finish("toolCalls")], "not JSON", "afterFirstToken"],
    [
      "an event after the end",
      [textStart, textDelta, textEnd, finish("stop"), textDelta],
      "after its end",
      "afterFirstToken",
    ],
    ["a block from nowhere", [textDelta, finish("stop")], "never started", "beforeFirstToken"],
    ["a block started twice", [textStart, textStart], "twice", "afterFirstToken"],
  ])("refuses %s", async (_name, events, message, phase) => {
    const turn = collectTurn(play(events), { provider: "acme" });
    await expect(turn).rejects.toThrow(message);
    await expect(turn).rejects.toMatchObject({ kind: "protocol", code: "provider_failed", retryable: true, phase });
  });

  test("throws the stream's own error", async () => {
    const error = new ProviderError("overloaded", "busy", { provider: "acme" });
    await expect(collectTurn(play([start, { type: "error", error }]))).rejects.toBe(error);
  });
});
