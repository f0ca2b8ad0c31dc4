import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { AgentError } from "@ossaat/contracts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { collectTurn } from "../collect-turn.ts";
import { describeModelProvider } from "../model-provider.contract.ts";
import { ProviderError } from "../provider-error.ts";
import type { ModelRequest, RequestMetadata } from "../spec.ts";
import { readAll, testRequest } from "../testing/requests.ts";
import { withTimeouts } from "../with-timeouts.ts";
import { parseScript } from "./script-file.ts";
import { createScriptedProvider } from "./scripted-provider.ts";

function parse(script: object) {
  return parseScript("script.json", JSON.stringify({ schemaVersion: 1, ...script }));
}

function provider(script: object, requestLog?: string) {
  return createScriptedProvider({ script: parse(script), requestLog });
}

function at(changes: Partial<RequestMetadata>, rest: Partial<ModelRequest> = {}): ModelRequest {
  const request = testRequest(rest);
  return { ...request, metadata: { ...request.metadata, ...changes } };
}

const agent = "code-writer";

describeModelProvider("scripted", () => {
  const call = (path: string) => ({ name: "read_file", input: { path } });
  return Promise.resolve({
    provider: provider({
      replies: [
        { match: { agent, lastContains: "const a = 1;" }, reply: { text: "It says one." } },
        { match: { agent, contains: "hello" }, reply: { text: "Hi there, friend." } },
        { match: { agent, contains: "read it" }, reply: { toolCalls: [call("a.ts")] } },
        { match: { agent, contains: "two calls" }, reply: { toolCalls: [call("a.ts"), call("b.ts")] } },
        { match: { agent, contains: "as json" }, reply: { json: { ok: true } } },
      ],
    }),
    modelId: "script.json",
  });
});

describe("which reply is given", () => {
  const script = {
    replies: [
      { match: { agent, step: "edit", turn: 2 }, reply: { text: "second turn of edit" } },
      { match: { agent, step: "edit" }, reply: { text: "edit" } },
      { match: { agent }, reply: { text: "any step" } },
    ],
  };
  test.each([
    [{ stepId: "edit", turn: 1 }, "edit"],
    [{ stepId: "edit", turn: 2 }, "second turn of edit"],
    [{ stepId: "other", turn: 2 }, "any step"],
  ])("%j gets %s", async (metadata, expected) => {
    const turn = await collectTurn(provider(script).stream(at(metadata)));
    expect(turn.message.parts).toEqual([{ type: "text", text: expected }]);
  });

  test("does not depend on what was asked before: another instance gives the same turn", async () => {
    const one = provider(script);
    await readAll(one.stream(at({ turn: 1 })));
    await readAll(one.stream(at({ turn: 1 })));
    const [here, there] = await Promise.all([
      collectTurn(one.stream(at({ turn: 2 }))),
      collectTurn(provider(script).stream(at({ turn: 2 }))),
    ]);
    expect(here).toEqual(there);
  });

  test("an unmatched request fails and names agent, step and turn", async () => {
    const [event] = await readAll(provider(script).stream(at({ agent: "auditor", stepId: "audit", turn: 3 })));
    expect(event).toMatchObject({
      type: "error",
      error: {
        kind: "badRequest",
        retryable: false,
        message: "The scripted model has no reply for agent auditor, step audit, turn 3.",
      },
    });
  });

  test("the fallback answers what nothing matches", async () => {
    const turn = await collectTurn(
      provider({ replies: [], fallback: { text: "fallback" } }).stream(at({ agent: "auditor" })),
    );
    expect(turn.message.parts).toEqual([{ type: "text", text: "fallback" }]);
  });

  test("placeholders are filled from the request, in text and deep inside tool input", async () => {
    const reply = {
      text: "{{agent}} {{stepId}} {{turn}} {{goal}} {{unknown}}",
      toolCalls: [{ name: "t", input: { list: ["{{planId}}"] } }],
    };
    const messages: ModelRequest["messages"] = [
      { role: "user", parts: [{ type: "text", text: "Context\nGoal: add a flag\nMore" }] },
    ];
    const turn = await collectTurn(provider({ replies: [], fallback: reply }).stream(at({}, { messages })));
    expect(turn.message.parts[0]).toEqual({ type: "text", text: "code-writer edit 1 add a flag {{unknown}}" });
    expect(turn.toolCalls[0]?.input).toEqual({ list: ["plan-1"] });
  });
});

describe("what a reply can say", () => {
  test("usage and cost; absent counts are unknown, the cost is 0", async () => {
    const usage = { inputTokens: 10, cachedInputTokens: 4, outputTokens: 5, costUsd: 0.25 };
    const full = await collectTurn(provider({ replies: [], fallback: { text: "x", usage } }).stream(at({})));
    expect(full.usage).toEqual({
      input: { total: 10, cacheRead: 4, uncached: 6 },
      output: { total: 5 },
      reportedCostUsd: 0.25,
    });
    const bare = await collectTurn(provider({ replies: [], fallback: { text: "x" } }).stream(at({})));
    expect(bare.usage).toEqual({ input: {}, output: {}, reportedCostUsd: 0 });
  });

  test("text arrives in pieces that join to the whole", async () => {
    const text = "  one two\n\nthree   four ";
    const events = await readAll(provider({ replies: [], fallback: { text } }).stream(at({})));
    const pieces = events.flatMap((event) => (event.type === "blockDelta" ? [event.text] : []));
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join("")).toBe(text);
  });

  test("an error with times fails that many requests of the turn, then answers", async () => {
    const error = { kind: "overloaded", status: 529, retryAfterMs: 7, times: 2 };
    const failing = provider({ replies: [], fallback: { text: "at last", error } });
    for (const requestAttempt of [1, 2]) {
      await expect(collectTurn(failing.stream(at({ requestAttempt })))).rejects.toMatchObject({
        kind: "overloaded",
        status: 529,
        retryAfterMs: 7,
        retryable: true,
        phase: "beforeFirstToken",
      });
    }
    const turn = await collectTurn(failing.stream(at({ requestAttempt: 3 })));
    expect(turn.message.parts).toEqual([{ type: "text", text: "at last" }]);
  });

  test("afterChunks fails in the middle of the answer", async () => {
    const reply = { text: "one two three", error: { kind: "network", afterChunks: 2 } };
    const events = await readAll(provider({ replies: [], fallback: reply }).stream(at({})));
    expect(events.filter((event) => event.type === "blockDelta")).toHaveLength(2);
    expect(events.at(-1)).toMatchObject({ type: "error", error: { kind: "network", phase: "afterFirstToken" } });
  });

  test("a delay ends at once when the call is cancelled", async () => {
    const abort = new AbortController();
    const stream = provider({ replies: [], fallback: { text: "x", delayMs: 3_000_000 } }).stream(
      at({}, { signal: abort.signal }),
    );
    const events = readAll(stream);
    abort.abort();
    expect(await events).toMatchObject([{ type: "error", error: { kind: "cancelled" } }]);
  });
});

describe("the request log", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "scripted-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function logLines(path: string): Promise<string[]> {
    const text = await readFile(path, "utf8");
    return text
      .trimEnd()
      .split("\n")
      .map((line) => {
        const { event, stepId, turn, requestAttempt } = JSON.parse(line) as Record<string, unknown>;
        return `${String(event)} ${String(stepId)} ${String(turn)} ${String(requestAttempt)}`;
      });
  }

  test("has a line when a request starts and one when it was completely delivered", async () => {
    const path = join(folder, "log.jsonl");
    const model = withTimeouts(provider({ replies: [], fallback: { text: "one two three" } }, path));
    await collectTurn(model.stream(at({ turn: 1 })));
    for await (const event of model.stream(at({ turn: 2, requestAttempt: 4 }))) {
      if (event.type === "blockDelta") break;
    }
    expect(await logLines(path)).toEqual([
      "request.started edit 1 1",
      "request.delivered edit 1 1",
      "request.started edit 2 4",
    ]);
  });
});

describe("broken files are refused with file and field", () => {
  test.each([
    ["{", "it is not valid JSON."],
    [JSON.stringify({ schemaVersion: 2, replies: [] }), "schemaVersion"],
    [JSON.stringify({ schemaVersion: 1, replies: [{ match: {}, reply: {} }] }), "replies[0].match.agent"],
    [JSON.stringify({ schemaVersion: 1, replies: [], extra: 1 }), "extra"],
    [
      JSON.stringify({ schemaVersion: 1, replies: [{ match: { agent }, reply: { error: { kind: "odd" } } }] }),
      "replies[0].reply.error.kind",
    ],
  ])("%s", (text, expected) => {
    const read = () => parseScript("demo/script.json", text);
    expect(read).toThrow(AgentError);
    expect(read).toThrow("The scripted model file demo/script.json cannot be used");
    expect(read).toThrow(expected);
  });
});

test("errors are ProviderErrors", async () => {
  const failing = provider({ replies: [], fallback: { error: { kind: "quota" } } });
  await expect(collectTurn(failing.stream(at({})))).rejects.toBeInstanceOf(ProviderError);
});
