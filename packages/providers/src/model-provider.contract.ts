// What every provider must do, whatever its vendor: run on each wire against a mock vendor, and
// on the scripted model.
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { collectTurn } from "./collect-turn.ts";
import type { AssistantMessage, ModelProvider, ModelRequest, StreamEvent } from "./spec.ts";
import { readAll, readFileTool, testRequest } from "./testing/requests.ts";
import { withTimeouts } from "./with-timeouts.ts";

/**
 * The vendor behind the provider must answer: "hello" with `Hi there, friend.`; "read it" with a
 * call of read_file {path: "a.ts"}; its result `const a = 1;` with `It says one.`; "as json" with
 * {"ok":true}; "two calls" with calls for a.ts and b.ts.
 */
export type ProviderUnderTest = { provider: ModelProvider; modelId: string; close?: () => Promise<void> };

function user(text: string): ModelRequest["messages"][number] {
  return { role: "user", parts: [{ type: "text", text }] };
}

function texts(message: AssistantMessage): string[] {
  return message.parts.flatMap((part) => (part.type === "text" ? [part.text] : []));
}

function isTerminal(event: StreamEvent): boolean {
  return event.type === "finish" || event.type === "error";
}

export function describeModelProvider(name: string, open: () => Promise<ProviderUnderTest>): void {
  describe(`${name} as a ModelProvider`, () => {
    let subject: ProviderUnderTest;
    let provider: ModelProvider;
    const ask = (text: string, changes: Partial<ModelRequest> = {}) =>
      testRequest({ modelId: subject.modelId, messages: [user(text)], ...changes });

    beforeAll(async () => {
      subject = await open();
      provider = withTimeouts(subject.provider);
    });
    afterAll(async () => subject.close?.());

    test("streams a text answer: start first, one terminal event last", async () => {
      const events = await readAll(provider.stream(ask("hello")));
      expect(events[0]?.type).toBe("start");
      expect(events.filter((event) => isTerminal(event))).toHaveLength(1);
      expect(events.at(-1)).toMatchObject({ type: "finish", reason: "stop" });
      const text = events.map((event) => (event.type === "blockDelta" ? event.text : "")).join("");
      expect(text).toBe("Hi there, friend.");
    });

    test("opens and closes every block it writes to", async () => {
      const events = await readAll(provider.stream(ask("read it", { tools: [readFileTool] })));
      const open = new Set<string>();
      for (const event of events) {
        if (event.type === "blockStart") open.add(event.blockId);
        if (event.type === "blockDelta") expect(open).toContain(event.blockId);
        if (event.type === "blockEnd") expect(open.delete(event.blockId)).toBe(true);
      }
      expect(open.size).toBe(0);
    });

    test("collects into an assistant message that is plain JSON", async () => {
      const turn = await collectTurn(provider.stream(ask("hello")));
      expect(turn.message.role).toBe("assistant");
      expect(texts(turn.message)).toEqual(["Hi there, friend."]);
      expect(JSON.parse(JSON.stringify(turn.message))).toEqual(turn.message);
      expect(turn.servedModel).toBeTypeOf("string");
    });

    test("gives a tool call whole, and takes its result back", async () => {
      const first = await collectTurn(provider.stream(ask("read it", { tools: [readFileTool] })));
      expect(first.finishReason).toBe("toolCalls");
      expect(first.toolCalls).toHaveLength(1);
      const [call] = first.toolCalls;
      expect(call).toMatchObject({ type: "toolCall", name: "read_file", input: { path: "a.ts" } });
      expect(call?.id).not.toBe("");
      const messages: ModelRequest["messages"] = [
        user("read it"),
        first.message,
        {
          role: "tool",
          parts: [
            {
              type: "toolResult",
              callId: call?.id ?? "",
              name: "read_file",
              output: { kind: "text", text: "const a = 1;" },
              isError: false,
            },
          ],
        },
      ];
      const second = await collectTurn(provider.stream(ask("", { messages, tools: [readFileTool] })));
      expect(texts(second.message)).toEqual(["It says one."]);
    });

    test("keeps parallel tool calls apart", async () => {
      const turn = await collectTurn(provider.stream(ask("two calls", { tools: [readFileTool] })));
      expect(turn.toolCalls.map((call) => call.input)).toEqual([{ path: "a.ts" }, { path: "b.ts" }]);
      expect(new Set(turn.toolCalls.map((call) => call.id)).size).toBe(2);
    });

    test("answers in JSON when a schema is given", async () => {
      const schema = { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"] };
      const output = { type: "json", name: "answer", schema } as const;
      const turn = await collectTurn(provider.stream(ask("as json", { output })));
      expect(JSON.parse(texts(turn.message).join(""))).toEqual({ ok: true });
    });

    test("reports usage that adds up", async () => {
      const { usage } = await collectTurn(provider.stream(ask("hello")));
      const { input, output } = usage;
      const writes = (input.cacheWrite5m ?? 0) + (input.cacheWrite1h ?? 0);
      if (input.total !== undefined && input.uncached !== undefined) {
        expect(input.uncached + (input.cacheRead ?? 0) + writes).toBe(input.total);
      }
      expect(output.total ?? 0).toBeGreaterThanOrEqual(output.reasoning ?? 0);
    });

    test("an aborted call ends as cancelled", async () => {
      const abort = new AbortController();
      abort.abort();
      const events = await readAll(provider.stream(ask("hello", { signal: abort.signal })));
      expect(events).toHaveLength(1);
      expect(events[0]).toMatchObject({ type: "error", error: { kind: "cancelled", code: "cancelled" } });
    });

    test("can be left early and asked again", async () => {
      for await (const event of provider.stream(ask("hello"))) {
        if (event.type === "blockDelta") break;
      }
      const turn = await collectTurn(provider.stream(ask("hello")));
      expect(turn.finishReason).toBe("stop");
    });

    test("knows what its model can do", () => {
      expect(provider.capabilities(subject.modelId)).toMatchObject({ tools: true, jsonSchema: true });
    });
  });
}
