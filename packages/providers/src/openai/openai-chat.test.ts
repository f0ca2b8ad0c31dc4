import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { collectTurn } from "../collect-turn.ts";
import { describeHttpProvider, errorMessage } from "../http-provider.contract.ts";
import { readFileTool, testRequest } from "../testing/requests.ts";
import { sse } from "../testing/sse.ts";
import { sseHeaders, startVendorServer } from "../testing/vendor-server.ts";
import type { VendorServer } from "../testing/vendor-server.ts";
import { createOpenAIProvider } from "./openai-provider.ts";

const base = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-4.1" };

function delta(value: object, finish_reason: string | null = null) {
  return { ...base, choices: [{ index: 0, delta: value, finish_reason }] };
}

function toolDelta(text: string, start?: { id: string; name: string }) {
  const call = { index: 0, ...(start === undefined ? {} : { id: start.id, type: "function" }) };
  return delta({ tool_calls: [{ ...call, function: { name: start?.name, arguments: text } }] });
}

const usage = {
  ...base,
  choices: [],
  usage: { prompt_tokens: 9, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 2 } },
};
const done = "data: [DONE]\n\n";
const body = (...chunks: object[]) => sse(chunks, { named: false });
const beginning = [delta({ role: "assistant", content: "" }), delta({ content: "Grüße 👋" })];
const call = [toolDelta("", { id: "call_1", name: "read_file" }), toolDelta('{"path"'), toolDelta(':"ä.ts"}')];
const error = (type: string, code: string | null = null) => ({
  error: { message: errorMessage(), type, code, param: null },
});

describeHttpProvider("openai.chat", {
  open: (baseUrl, apiKey) => createOpenAIProvider({ apiKey, baseUrl, wire: "openai.chat", connection: "local" }),
  modelId: "gpt-4.1",
  answer: `: comment\n\n${body(...beginning, delta({ content: " — done" }), ...call, delta({}, "tool_calls"), usage)}${done}`,
  beginning: body(...beginning),
  malformed: `${body(...beginning)}data: {"choices": [{\n\n`,
  cutByLimit: body(...beginning, ...call.slice(0, 2), delta({}, "length")) + done,
  brokenCall: body(...beginning, ...call.slice(0, 2), delta({}, "tool_calls")) + done,
  errorInStream: {
    body: `${body(...beginning)}data: ${JSON.stringify({ error: { message: "x", code: 502 } })}\n\n`,
    kind: "server",
  },
  errors: [
    { name: "401", status: 401, body: error("x", "invalid_api_key"), expected: { kind: "auth", retryable: false } },
    { name: "403", status: 403, body: error("x"), expected: { kind: "permission", retryable: false } },
    { name: "404", status: 404, body: error("x", "model_not_found"), expected: { kind: "modelNotFound" } },
    { name: "400", status: 400, body: error("invalid_request_error"), expected: { kind: "badRequest" } },
    {
      name: "400 of a prompt that is too long",
      status: 400,
      body: error("invalid_request_error", "context_length_exceeded"),
      expected: { kind: "contextLength", retryable: false },
    },
    {
      name: "429 with Retry-After",
      status: 429,
      body: error("requests", "rate_limit_exceeded"),
      headers: { "retry-after": "2" },
      expected: { kind: "rateLimit", retryable: true, retryAfterMs: 2_000, code: "rate_limited" },
    },
    {
      name: "429 without Retry-After",
      status: 429,
      body: error("requests", "rate_limit_exceeded"),
      expected: { kind: "rateLimit", retryable: true, retryAfterMs: undefined },
    },
    {
      name: "429 of a used-up quota",
      status: 429,
      body: error("insufficient_quota", "insufficient_quota"),
      headers: { "retry-after": "2" },
      expected: { kind: "quota", retryable: false, code: "provider_failed" },
    },
    {
      name: "429 that forbids a retry",
      status: 429,
      body: error("requests"),
      headers: { "x-should-retry": "false" },
      expected: { kind: "rateLimit", retryable: false },
    },
    { name: "500", status: 500, body: error("server_error"), expected: { kind: "server", retryable: true } },
    { name: "503", status: 503, body: error("x"), expected: { kind: "overloaded", retryable: true } },
    { name: "529", status: 529, body: error("x"), expected: { kind: "overloaded", retryable: true } },
  ],
});

describe("the Chat Completions wire", () => {
  let server: VendorServer;
  beforeEach(async () => {
    server = await startVendorServer();
  });
  afterEach(() => server.close());

  const open = (apiKey?: string) =>
    createOpenAIProvider({ apiKey, baseUrl: server.url, wire: "openai.chat", connection: "local" });
  const answer = (...chunks: object[]) => {
    server.answerWith((response) => {
      response.writeHead(200, sseHeaders).end(body(...chunks) + done);
    });
  };

  test("sends the request as the API wants it, and nothing of the metadata", async () => {
    answer(delta({ content: "ok" }, "stop"));
    await collectTurn(
      open("k").stream(
        testRequest({
          modelId: "gpt-4.1",
          tools: [readFileTool],
          toolChoice: { name: "read_file" },
          parallelToolCalls: false,
          output: { type: "json", name: "answer", schema: { type: "object" }, strict: true },
          maxOutputTokens: 100,
          temperature: 0,
          stop: ["END"],
        }),
      ),
    );
    expect(server.requests[0]).toMatchObject({ path: "/chat/completions", headers: { authorization: "Bearer k" } });
    expect(server.requests[0]?.body).toEqual({
      model: "gpt-4.1",
      messages: [
        { role: "system", content: "You are terse." },
        { role: "user", content: "hello" },
      ],
      stream: true,
      stream_options: { include_usage: true },
      tools: [
        {
          type: "function",
          function: { name: "read_file", description: "Read a file.", parameters: readFileTool.inputSchema },
        },
      ],
      tool_choice: { type: "function", function: { name: "read_file" } },
      parallel_tool_calls: false,
      response_format: {
        type: "json_schema",
        json_schema: { name: "answer", schema: { type: "object" }, strict: true },
      },
      max_tokens: 100,
      temperature: 0,
      stop: ["END"],
    });
  });

  test("a server without a key gets no Authorization header", async () => {
    answer(delta({ content: "ok" }, "stop"));
    await collectTurn(open().stream(testRequest()));
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
  });

  test("reasoning models get no temperature, a warning says so, and their own token limit", async () => {
    answer(delta({ content: "ok" }, "stop"));
    const turn = await collectTurn(
      open("k").stream(
        testRequest({ modelId: "gpt-5.1", temperature: 1, maxOutputTokens: 5, reasoning: { effort: "low" } }),
      ),
    );
    expect(turn.warnings).toEqual(["temperature was not sent: the model takes no sampling parameters"]);
    const { messages: _messages, ...sent } = server.requests[0]?.body ?? {};
    expect(sent).toEqual({
      model: "gpt-5.1",
      stream: true,
      stream_options: { include_usage: true },
      reasoning_effort: "low",
      max_completion_tokens: 5,
    });
  });

  test("whole tool calls that share an index, without usage, from a lenient server", async () => {
    const whole = (id: string, path: string) =>
      delta({ tool_calls: [{ index: 0, id, function: { name: "read_file", arguments: JSON.stringify({ path }) } }] });
    answer(whole("a", "a.ts"), whole("b", "b.ts"), delta({}, "stop"));
    const turn = await collectTurn(open("k").stream(testRequest()));
    expect(turn.finishReason).toBe("toolCalls");
    expect(turn.toolCalls.map(({ id, input }) => [id, input])).toEqual([
      ["a", { path: "a.ts" }],
      ["b", { path: "b.ts" }],
    ]);
    expect(turn.usage).toEqual({ input: {}, output: {} });
  });

  test("a call without arguments is a call with an empty object", async () => {
    answer(toolDelta("", { id: "c", name: "git_status" }), delta({}, "tool_calls"));
    const turn = await collectTurn(open("k").stream(testRequest()));
    expect(turn.toolCalls).toMatchObject([{ name: "git_status", input: {} }]);
  });

  test("reasoning text, refusal and the vendor's own cost are read", async () => {
    const priced = { ...usage, usage: { ...usage.usage, cost: 0.5 } };
    answer(delta({ reasoning_content: "hm" }), delta({ refusal: "no" }), delta({}, "stop"), priced);
    const turn = await collectTurn(open("k").stream(testRequest()));
    expect(turn.message.parts).toEqual([
      { type: "reasoning", text: "hm" },
      { type: "refusal", text: "no" },
    ]);
    expect(turn.usage).toEqual({
      input: { total: 9, uncached: 7, cacheRead: 2 },
      output: { total: 4 },
      reportedCostUsd: 0.5,
    });
  });
});
