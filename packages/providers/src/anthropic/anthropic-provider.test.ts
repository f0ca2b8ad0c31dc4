import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { collectTurn } from "../collect-turn.ts";
import { describeHttpProvider, errorMessage } from "../http-provider.contract.ts";
import type { ModelRequest } from "../spec.ts";
import { readAll, readFileTool, testRequest } from "../testing/requests.ts";
import { sse } from "../testing/sse.ts";
import { sseHeaders, startVendorServer } from "../testing/vendor-server.ts";
import type { VendorServer } from "../testing/vendor-server.ts";
import { createAnthropicProvider } from "./anthropic-provider.ts";

const body = (...events: { type: string; [field: string]: unknown }[]) => sse(events, { named: true });
const usage = {
  input_tokens: 10,
  cache_read_input_tokens: 100,
  cache_creation_input_tokens: 30,
  cache_creation: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 10 },
  output_tokens: 1,
};
const start = {
  type: "message_start",
  message: { id: "msg_1", type: "message", role: "assistant", model: "claude-sonnet-5", content: [], usage },
};
const blockStart = (index: number, content_block: object) => ({ type: "content_block_start", index, content_block });
const blockDelta = (index: number, delta: object) => ({ type: "content_block_delta", index, delta });
const blockStop = (index: number) => ({ type: "content_block_stop", index });
const text = (value: string) => blockDelta(0, { type: "text_delta", text: value });
const json = (value: string) => blockDelta(1, { type: "input_json_delta", partial_json: value });
const end = (stop_reason: string) => [
  { type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 7 } },
  { type: "message_stop" },
];
const textStart = blockStart(0, { type: "text", text: "" });
const toolStart = blockStart(1, { type: "tool_use", id: "toolu_1", name: "read_file", input: {} });
const beginning = [start, textStart, { type: "ping" }, text("Grüße 👋")];
const error = (type: string, details?: object) => ({
  type: "error",
  error: { type, message: errorMessage(), ...(details === undefined ? {} : { details }) },
});

describeHttpProvider("anthropic.messages", {
  open: (baseUrl, apiKey) => createAnthropicProvider({ apiKey, baseUrl }),
  modelId: "claude-sonnet-5",
  answer: body(
    ...beginning,
    text(" — done"),
    blockStop(0),
    toolStart,
    json('{"path"'),
    json(':"ä.ts"}'),
    blockStop(1),
    { type: "an_event_of_tomorrow" },
    ...end("tool_use"),
  ),
  beginning: body(...beginning),
  malformed: `${body(...beginning)}event: content_block_stop\ndata: {"type": \n\n`,
  cutByLimit: body(...beginning, blockStop(0), toolStart, json('{"pa'), blockStop(1), ...end("max_tokens")),
  brokenCall: body(...beginning, blockStop(0), toolStart, json('{"pa'), blockStop(1), ...end("tool_use")),
  errorInStream: { body: body(...beginning, error("overloaded_error")), kind: "overloaded" },
  errors: [
    { name: "401", status: 401, body: error("authentication_error"), expected: { kind: "auth", retryable: false } },
    { name: "402", status: 402, body: error("billing_error"), expected: { kind: "billing", retryable: false } },
    { name: "404", status: 404, body: error("not_found_error"), expected: { kind: "modelNotFound" } },
    { name: "400", status: 400, body: error("invalid_request_error"), expected: { kind: "badRequest" } },
    {
      name: "429 with Retry-After",
      status: 429,
      body: error("rate_limit_error"),
      headers: { "retry-after": "3" },
      expected: { kind: "rateLimit", retryAfterMs: 3_000, retryable: true },
    },
    {
      name: "429 without Retry-After",
      status: 429,
      body: error("rate_limit_error"),
      expected: { kind: "rateLimit", retryAfterMs: undefined, retryable: true },
    },
    {
      name: "429 of a spend limit",
      status: 429,
      body: error("rate_limit_error", { error_code: "enforced_spend_limit_reached" }),
      expected: { kind: "quota", retryable: false },
    },
    { name: "500", status: 500, body: error("api_error"), expected: { kind: "server", retryable: true } },
    { name: "529", status: 529, body: error("overloaded_error"), expected: { kind: "overloaded", retryable: true } },
  ],
});

describe("the Messages wire", () => {
  let server: VendorServer;
  beforeEach(async () => {
    server = await startVendorServer();
  });
  afterEach(() => server.close());

  const open = () => createAnthropicProvider({ apiKey: "k", baseUrl: server.url });
  const answer = (...events: { type: string; [field: string]: unknown }[]) => {
    server.answerWith((response) => {
      response.writeHead(200, sseHeaders).end(body(...events));
    });
  };
  const ask = async (changes: Partial<ModelRequest> = {}) => {
    answer(start, textStart, text("ok"), blockStop(0), ...end("end_turn"));
    const turn = await collectTurn(open().stream(testRequest({ modelId: "claude-sonnet-5", ...changes })));
    return { turn, sent: server.requests.at(-1)?.body };
  };

  test("sends the request as the API wants it, and nothing of the metadata", async () => {
    const { sent } = await ask({
      tools: [readFileTool],
      toolChoice: "required",
      parallelToolCalls: false,
      maxOutputTokens: 50,
      stop: ["END"],
      output: { type: "json", name: "answer", schema: { type: "object" } },
    });
    expect(sent).toEqual({
      model: "claude-sonnet-5",
      max_tokens: 50,
      stream: true,
      system: [{ type: "text", text: "You are terse." }],
      messages: [{ role: "user", content: [{ type: "text", text: "hello" }] }],
      tools: [{ name: "read_file", description: "Read a file.", input_schema: readFileTool.inputSchema }],
      tool_choice: { type: "any", disable_parallel_tool_use: true },
      stop_sequences: ["END"],
      output_config: { format: { type: "json_schema", schema: { type: "object" } } },
    });
  });

  test("sampling parameters are dropped with a warning", async () => {
    const { turn, sent } = await ask({ temperature: 0.5, topP: 0.9, seed: 1 });
    expect(turn.warnings).toEqual([
      "temperature was not sent: Anthropic's API takes no sampling parameters",
      "topP was not sent: Anthropic's API takes no sampling parameters",
      "seed was not sent: Anthropic's API has no such parameter",
    ]);
    expect(Object.keys(sent ?? {})).toEqual(["model", "max_tokens", "stream", "system", "messages"]);
  });

  test.each<[string, ModelRequest["reasoning"], object]>([
    ["claude-sonnet-5", { effort: "high" }, { thinking: { type: "adaptive" }, output_config: { effort: "high" } }],
    ["claude-sonnet-5", { effort: "none" }, { thinking: { type: "disabled" } }],
    [
      "claude-haiku-4-5-20251001",
      { effort: "low" },
      { thinking: { type: "enabled", budget_tokens: 1_024 }, max_tokens: 17_024 },
    ],
  ])("%s with reasoning %j", async (modelId, reasoning, expected) => {
    const { sent } = await ask({ modelId, ...(reasoning === undefined ? {} : { reasoning }) });
    expect(sent).toMatchObject(expected);
  });

  test("a forced tool call excludes thinking, with a warning", async () => {
    const { turn, sent } = await ask({
      tools: [readFileTool],
      toolChoice: "required",
      reasoning: { effort: "high" },
    });
    expect(sent?.["thinking"]).toBeUndefined();
    expect(turn.warnings).toEqual(["reasoning was not sent: a forced tool call excludes thinking"]);
  });

  test("cache breakpoints sit on the stable prefix, the hints and the last turn, never more than four", async () => {
    const hinted = (value: string) => ({ type: "text", text: value, cacheHint: true }) as const;
    const { sent } = await ask({
      cache: { ttl: "1h" },
      messages: [
        { role: "system", parts: [{ type: "text", text: "stable" }] },
        { role: "user", parts: [hinted("one"), hinted("two"), hinted("three"), { type: "text", text: "last" }] },
      ],
    });
    const cache_control = { type: "ephemeral", ttl: "1h" };
    expect(sent?.["system"]).toEqual([{ type: "text", text: "stable", cache_control }]);
    expect(sent?.["messages"]).toEqual([
      {
        role: "user",
        content: [
          { type: "text", text: "one" },
          { type: "text", text: "two", cache_control },
          { type: "text", text: "three", cache_control },
          { type: "text", text: "last", cache_control },
        ],
      },
    ]);
  });

  test("usage is inclusive; figures of message_delta replace earlier ones", async () => {
    const { turn } = await ask();
    expect(turn.usage).toEqual({
      input: { total: 140, uncached: 10, cacheRead: 100, cacheWrite5m: 20, cacheWrite1h: 10 },
      output: { total: 7 },
    });
  });

  test("thinking is kept with its signature and goes back unchanged to the same model only", async () => {
    answer(
      start,
      blockStart(0, { type: "thinking", thinking: "", signature: "" }),
      blockDelta(0, { type: "thinking_delta", thinking: "hm" }),
      blockDelta(0, { type: "signature_delta", signature: "sig" }),
      blockStop(0),
      blockStart(1, { type: "redacted_thinking", data: "sealed" }),
      blockStop(1),
      blockStart(2, { type: "text", text: "ok" }),
      blockStop(2),
      ...end("end_turn"),
    );
    const turn = await collectTurn(open().stream(testRequest({ modelId: "claude-sonnet-5" })));
    const messages = [...testRequest().messages, turn.message];
    const same = await ask({ messages });
    const other = await ask({ messages, modelId: "claude-opus-5" });
    const thinking = { type: "thinking", thinking: "hm", signature: "sig" };
    const redacted = { type: "redacted_thinking", data: "sealed" };
    const said = { type: "text", text: "ok" };
    expect(same.sent).toHaveProperty(["messages", 1], {
      role: "assistant",
      content: [thinking, redacted, said],
    });
    expect(other.sent).toHaveProperty(["messages", 1], { role: "assistant", content: [said] });
  });

  test("pings and unknown events are signs of life", async () => {
    answer(start, { type: "ping" }, { type: "new_thing" }, textStart, text("ok"), blockStop(0), ...end("end_turn"));
    const events = await readAll(open().stream(testRequest()));
    expect(events.filter((event) => event.type === "heartbeat")).toHaveLength(2);
  });

  test.each([
    ["end_turn", "stop"],
    ["stop_sequence", "stop"],
    ["max_tokens", "length"],
    ["pause_turn", "pause"],
    ["refusal", "refusal"],
    ["model_context_window_exceeded", "contextExceeded"],
  ])("stop reason %s is %s", async (raw, expected) => {
    answer(start, textStart, text("ok"), blockStop(0), ...end(raw));
    const turn = await collectTurn(open().stream(testRequest()));
    expect(turn).toMatchObject({ finishReason: expected, rawFinishReason: raw });
  });

  test("a stop reason nobody knows is a failure, not an end", async () => {
    answer(start, textStart, text("ok"), blockStop(0), ...end("a_reason_of_tomorrow"));
    const failed = collectTurn(open().stream(testRequest()), { provider: "anthropic" });
    await expect(failed).rejects.toMatchObject({ kind: "server", retryable: true, phase: "afterFirstToken" });
  });
});
