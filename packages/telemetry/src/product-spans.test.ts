import { describe, expect, test } from "vitest";

import {
  createPlanEnd,
  createPlanSpan,
  modelTurnEnd,
  modelTurnSpan,
  requestEnd,
  requestSpan,
  stepEnd,
  stepSpan,
  toolCallEnd,
  toolCallSpan,
} from "./product-spans.ts";

const ids = { planId: "plan-1", stepId: "edit", attempt: 2 };

test("a request is named by method and route, never by its URL", () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  expect(requestSpan({ method: "GET", route: "/plans/{planId}", planId: "plan-1", traceparent })).toEqual({
    name: "GET /plans/{planId}",
    kind: "server",
    traceparent,
    measure: expect.any(Function) as unknown,
    attributes: { "http.request.method": "GET", "http.route": "/plans/{planId}", "ossaat.plan.id": "plan-1" },
  });
  expect(requestSpan({ method: "GET" }).name).toBe("GET");
  expect(requestEnd({ status: 202, requestId: "r-1" })).toEqual({
    "http.response.status_code": 202,
    "ossaat.request.id": "r-1",
  });
});

test("plan and step carry their ids, and a failed step its reason", () => {
  expect(createPlanSpan({ tenantId: "local" })).toEqual({
    name: "create_plan",
    attributes: { "ossaat.tenant.id": "local" },
  });
  expect(createPlanEnd({ planId: "plan-1" })).toEqual({ "ossaat.plan.id": "plan-1" });
  expect(stepSpan({ ...ids, kind: "agent", tenantId: "local" })).toEqual({
    name: "step agent",
    measure: expect.any(Function) as unknown,
    attributes: {
      "ossaat.plan.id": "plan-1",
      "ossaat.step.id": "edit",
      "ossaat.attempt": 2,
      "ossaat.step.kind": "agent",
      "ossaat.tenant.id": "local",
    },
  });
  expect(stepEnd({ reason: "budget" })).toEqual({ "ossaat.step.reason": "budget" });
});

describe("a model turn", () => {
  const start = {
    ...ids,
    provider: "anthropic",
    model: "claude",
    agent: "code-writer",
    turn: 3,
    requestAttempt: 1,
    scripted: false,
  };

  test("follows the GenAI conventions", () => {
    expect(modelTurnSpan({ ...start, maxOutputTokens: 100, temperature: 0.2 })).toEqual({
      name: "chat claude",
      measure: expect.any(Function) as unknown,
      kind: "client",
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.agent.name": "code-writer",
        "gen_ai.conversation.id": "plan-1",
        "gen_ai.request.model": "claude",
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.stream": true,
        "ossaat.plan.id": "plan-1",
        "ossaat.step.id": "edit",
        "ossaat.attempt": 2,
        "ossaat.turn": 3,
        "ossaat.request_attempt": 1,
        "ossaat.scripted": false,
      },
    });
  });

  test("ends with every figure that is known", () => {
    const usage = {
      input: { total: 50, cacheRead: 30, cacheWrite5m: 4, cacheWrite1h: 6 },
      output: { total: 9, reasoning: 2 },
    };
    const end = { finishReason: "toolCalls", responseId: "msg_1", responseModel: "claude-1", toolCalls: 2 };
    expect(modelTurnEnd({ ...end, usage, costUsd: 0.25 })).toEqual({
      "gen_ai.response.id": "msg_1",
      "gen_ai.response.model": "claude-1",
      "gen_ai.response.finish_reasons": ["toolCalls"],
      "gen_ai.usage.input_tokens": 50,
      "gen_ai.usage.cache_read.input_tokens": 30,
      "gen_ai.usage.cache_creation.input_tokens": 10,
      "gen_ai.usage.output_tokens": 9,
      "gen_ai.usage.reasoning.output_tokens": 2,
      "ossaat.cost_usd": 0.25,
      "ossaat.tool_calls": 2,
    });
  });

  test("leaves unknown figures out, and keeps a cost of 0 apart from an unknown one", () => {
    const unknown = { finishReason: "stop", usage: { input: {}, output: {} }, toolCalls: 0 };
    const end = modelTurnEnd({ ...unknown, costUsd: null });
    expect(Object.keys(end).filter((key) => end[key] !== undefined)).toEqual([
      "gen_ai.response.finish_reasons",
      "ossaat.tool_calls",
    ]);
    expect(modelTurnEnd({ ...unknown, costUsd: 0 })["ossaat.cost_usd"]).toBe(0);
  });
});

test("a tool call carries the hash of its arguments and its exit code", () => {
  expect(toolCallSpan({ ...ids, tool: "run_command", callId: "2.0", argsHash: "abc" })).toEqual({
    name: "execute_tool run_command",
    measure: expect.any(Function) as unknown,
    attributes: {
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "run_command",
      "gen_ai.tool.type": "function",
      "gen_ai.tool.call.id": "2.0",
      "ossaat.plan.id": "plan-1",
      "ossaat.step.id": "edit",
      "ossaat.attempt": 2,
      "ossaat.tool.args_hash": "abc",
    },
  });
  expect(toolCallEnd({ state: "completed", exitCode: 1, changedPaths: 0, unsandboxed: true })).toEqual({
    "ossaat.tool.state": "completed",
    "ossaat.tool.exit_code": 1,
    "ossaat.tool.changed_paths": 0,
    "ossaat.tool.unsandboxed": true,
  });
  expect(toolCallEnd({ state: "failed", exitCode: null })["ossaat.tool.exit_code"]).toBeUndefined();
});
