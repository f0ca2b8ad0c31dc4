import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { collectTurn } from "../collect-turn.ts";
import { describeHttpProvider, errorMessage } from "../http-provider.contract.ts";
import { readFileTool, testRequest } from "../testing/requests.ts";
import { sse } from "../testing/sse.ts";
import { sseHeaders, startVendorServer } from "../testing/vendor-server.ts";
import type { VendorServer } from "../testing/vendor-server.ts";
import { createOpenAIProvider } from "./openai-provider.ts";

const body = (...events: { type: string; [field: string]: unknown }[]) => sse(events, { named: true });
const response = (status: string, more: object = {}) => ({
  id: "resp_1",
  object: "response",
  model: "gpt-5.1-2025-11-13",
  status,
  output: [],
  ...more,
});
const created = { type: "response.created", response: response("in_progress") };
const at = { item_id: "msg_1", output_index: 0, content_index: 0 };
const text = (delta: string) => ({ type: "response.output_text.delta", ...at, delta });
const textDone = { type: "response.output_text.done", ...at, text: "" };
const item = (status: string, args: string) => ({
  type: "function_call",
  id: "fc_1",
  call_id: "call_1",
  name: "read_file",
  arguments: args,
  status,
});
const callAdded = { type: "response.output_item.added", output_index: 1, item: item("in_progress", "") };
const callDelta = (delta: string) => ({
  type: "response.function_call_arguments.delta",
  item_id: "fc_1",
  output_index: 1,
  delta,
});
const callDone = (args: string, status = "completed") => ({
  type: "response.output_item.done",
  output_index: 1,
  item: item(status, args),
});
const completed = (more: object = {}) => ({ type: "response.completed", response: response("completed", more) });
const beginning = [created, text("Grüße 👋")];
const error = (type: string, code: string | null = null) => ({
  error: { message: errorMessage(), type, code, param: null },
});

describeHttpProvider("openai.responses", {
  open: (baseUrl, apiKey) => createOpenAIProvider({ apiKey, baseUrl, wire: "openai.responses" }),
  modelId: "gpt-5.1",
  answer: body(
    ...beginning,
    { type: "keepalive" },
    text(" — done"),
    textDone,
    callAdded,
    callDelta('{"path":'),
    callDelta('"ä.ts"}'),
    callDone('{"path":"ä.ts"}'),
    completed(),
  ),
  beginning: body(...beginning),
  malformed: `${body(...beginning)}event: response.completed\ndata: {"type": "resp\n\n`,
  cutByLimit: body(...beginning, textDone, callAdded, callDelta('{"pa'), callDone('{"pa', "incomplete"), {
    type: "response.incomplete",
    response: response("incomplete", { incomplete_details: { reason: "max_output_tokens" } }),
  }),
  brokenCall: body(...beginning, textDone, callAdded, callDone('{"pa'), completed()),
  errorInStream: {
    body: body(...beginning, {
      type: "response.failed",
      response: response("failed", { error: { code: "rate_limit_exceeded", message: errorMessage() } }),
    }),
    kind: "rateLimit",
  },
  errors: [
    { name: "401", status: 401, body: error("x", "invalid_api_key"), expected: { kind: "auth", retryable: false } },
    {
      name: "429 of a used-up quota",
      status: 429,
      body: error("insufficient_quota", "insufficient_quota"),
      expected: { kind: "quota", retryable: false },
    },
    {
      name: "429 in milliseconds",
      status: 429,
      body: error("tokens", "rate_limit_exceeded"),
      headers: { "retry-after-ms": "150", "retry-after": "9" },
      expected: { kind: "rateLimit", retryAfterMs: 150 },
    },
    { name: "500", status: 500, body: error("server_error"), expected: { kind: "server", retryable: true } },
    { name: "503", status: 503, body: error("x"), expected: { kind: "overloaded" } },
  ],
});

describe("the Responses wire", () => {
  let server: VendorServer;
  beforeEach(async () => {
    server = await startVendorServer();
  });
  afterEach(() => server.close());

  const open = () => createOpenAIProvider({ apiKey: "k", baseUrl: server.url, wire: "openai.responses" });
  const answer = (...events: { type: string; [field: string]: unknown }[]) => {
    server.answerWith((reply) => {
      reply.writeHead(200, sseHeaders).end(body(...events));
    });
  };

  test("sends the request as the API wants it: nothing stored, nothing of the metadata", async () => {
    answer(created, text("ok"), textDone, completed());
    await collectTurn(
      open().stream(
        testRequest({
          modelId: "gpt-5.1",
          tools: [readFileTool],
          toolChoice: "required",
          output: { type: "json", name: "answer", schema: { type: "object" } },
          maxOutputTokens: 100,
          reasoning: { effort: "high" },
          cache: { key: "plan-1" },
        }),
      ),
    );
    expect(server.requests[0]?.path).toBe("/responses");
    expect(server.requests[0]?.headers["openai-organization"]).toBeUndefined();
    expect(server.requests[0]?.body).toEqual({
      model: "gpt-5.1",
      input: [
        { role: "developer", content: "You are terse." },
        { role: "user", content: "hello" },
      ],
      stream: true,
      store: false,
      include: ["reasoning.encrypted_content"],
      reasoning: { effort: "high" },
      tools: [
        {
          type: "function",
          name: "read_file",
          description: "Read a file.",
          parameters: readFileTool.inputSchema,
          strict: false,
        },
      ],
      tool_choice: "required",
      max_output_tokens: 100,
      prompt_cache_key: "plan-1",
      text: { format: { type: "json_schema", name: "answer", schema: { type: "object" }, strict: false } },
    });
  });

  test("what the API cannot take is dropped with a warning", async () => {
    answer(created, text("ok"), textDone, completed());
    const turn = await collectTurn(
      open().stream(testRequest({ modelId: "gpt-5.1", temperature: 0, seed: 1, stop: ["x"] })),
    );
    expect(turn.warnings).toEqual([
      "temperature was not sent: the model takes no sampling parameters",
      "stop was not sent: the Responses API has no such parameter",
      "seed was not sent: the Responses API has no such parameter",
    ]);
    expect(Object.keys(server.requests[0]?.body ?? {})).not.toContain("temperature");
  });

  test("encrypted reasoning is kept and goes back to the same model only", async () => {
    const thought = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "sealed" };
    answer(
      created,
      { type: "response.output_item.added", output_index: 0, item: thought },
      { type: "response.output_item.done", output_index: 0, item: thought },
      callAdded,
      callDone('{"path":"a"}'),
      completed(),
    );
    const turn = await collectTurn(open().stream(testRequest({ modelId: "gpt-5.1" })));
    const messages = [...testRequest().messages, turn.message];
    await collectTurn(open().stream(testRequest({ modelId: "gpt-5.1", messages })));
    await collectTurn(open().stream(testRequest({ modelId: "gpt-5.2", messages })));
    const sent = server.requests.map(({ body: { input } }) => (input as { type?: string }[]).map(({ type }) => type));
    expect(sent).toEqual([
      [undefined, undefined],
      [undefined, undefined, "reasoning", "function_call"],
      [undefined, undefined, "function_call"],
    ]);
    expect(server.requests[1]?.body).toHaveProperty(["input", 2], thought);
  });

  test("a refusal is a refusal", async () => {
    const refusal = { ...at, delta: "I cannot." };
    answer(
      created,
      { type: "response.refusal.delta", ...refusal },
      { type: "response.refusal.done", ...at },
      completed(),
    );
    const turn = await collectTurn(open().stream(testRequest()));
    expect(turn.message.parts).toEqual([{ type: "refusal", text: "I cannot." }]);
    expect(turn.finishReason).toBe("refusal");
  });

  test("usage and identity are read", async () => {
    const usage = {
      input_tokens: 20,
      input_tokens_details: { cached_tokens: 5, cache_write_tokens: 3 },
      output_tokens: 9,
      output_tokens_details: { reasoning_tokens: 6 },
    };
    answer(created, text("ok"), textDone, completed({ usage }));
    const turn = await collectTurn(open().stream(testRequest()));
    expect(turn.usage).toEqual({
      input: { total: 20, uncached: 12, cacheRead: 5, cacheWrite5m: 3 },
      output: { total: 9, reasoning: 6 },
    });
    expect(turn).toMatchObject({ responseId: "resp_1", servedModel: "gpt-5.1-2025-11-13", requestId: "req_1" });
  });
});
