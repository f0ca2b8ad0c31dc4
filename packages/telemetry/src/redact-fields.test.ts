import { AgentError } from "@ossaat/contracts";
import { describe, expect, test } from "vitest";

import { telemetryLimits } from "./limits.ts";
import { redactFields } from "./redact-fields.ts";

const canary = "canary-without-a-shape";

describe("by key name", () => {
  test.each([
    "authorization",
    "Authorization",
    "proxy-authorization",
    "token",
    "accessToken",
    "refresh_token",
    "api_key",
    "apiKey",
    "x-api-key",
    "OPENAI_API_KEY",
    "password",
    "dbPasswd",
    "passphrase",
    "secret",
    "clientSecret",
    "secrets",
    "cookie",
    "set-cookie",
    "privateKey",
    "AWS_SECRET_ACCESS_KEY",
    "credentials",
  ])("%s is a secret at any depth", (name) => {
    const fields = { [name]: canary, a: [{ b: { [name]: canary } }], [`${name}Hash`]: "kept" };
    expect(redactFields(fields)).toEqual({
      [name]: "[redacted]",
      a: [{ b: { [name]: "[redacted]" } }],
      [`${name}Hash`]: "kept",
    });
  });

  test("everything below a secret's name goes, shape and flags stay", () => {
    const secret = { user: canary, list: [canary, { deep: canary }], pin: 1234, isSet: true, none: null };
    expect(redactFields({ secret })).toEqual({
      secret: {
        user: "[redacted]",
        list: ["[redacted]", { deep: "[redacted]" }],
        pin: "[redacted]",
        isSet: true,
        none: null,
      },
    });
  });

  test("token counts are no secrets", () => {
    const fields = { inputTokens: 12, maxTokens: 3n, tokens: { input: 1, output: 2 }, hasToken: true };
    expect(redactFields(fields)).toEqual({
      inputTokens: 12,
      maxTokens: "3",
      tokens: { input: 1, output: 2 },
      hasToken: true,
    });
  });
});

test("text is redacted wherever it stands, names included", () => {
  const bearer = "Bearer A1b2C3d4E5f6";
  expect(redactFields({ list: [bearer], map: new Map([[bearer, new Set([bearer])]]) })).toEqual({
    list: ["Bearer [redacted]"],
    map: { "Bearer [redacted]": ["Bearer [redacted]"] },
  });
});

test("an error keeps class, code, details, stack and cause", () => {
  const cause = Object.assign(new TypeError("at postgres://u:p@db/x"), { code: "ECONNREFUSED", password: canary });
  const error = new AgentError("unavailable", "The store is away.", {
    details: { next: "wait", token: canary },
    cause,
  });
  const { error: written } = redactFields({ error }) as { error: Record<string, unknown> };
  expect(written).toEqual({
    type: "AgentError",
    message: "The store is away.",
    code: "unavailable",
    details: { next: "wait", token: "[redacted]" },
    stack: expect.stringContaining("redact-fields.test.ts") as unknown,
    cause: {
      type: "TypeError",
      message: "at postgres://[redacted]@db/x",
      code: "ECONNREFUSED",
      password: "[redacted]",
      stack: expect.stringContaining("TypeError: at postgres://[redacted]@db/x") as unknown,
    },
  });
});

test("the errors of an AggregateError are kept", () => {
  const { error } = redactFields({ error: new AggregateError([new RangeError("one")], "all") });
  expect(error).toMatchObject({
    type: "AggregateError",
    message: "all",
    errors: [{ type: "RangeError", message: "one" }],
  });
});

test("anything becomes plain JSON", () => {
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  const fields = {
    at: new Date("2026-01-02T03:04:05Z"),
    url: new URL("http://u:p@host/x"),
    bytes: new Uint8Array(3),
    symbol: Symbol("s"),
    work: () => 1,
    missing: undefined,
    nothing: null,
    same: [1, 1],
    circular,
  };
  expect(redactFields(fields)).toEqual({
    at: "2026-01-02T03:04:05.000Z",
    url: "http://[redacted]@host/x",
    bytes: "[3 bytes]",
    symbol: "[symbol]",
    work: "[function]",
    missing: undefined,
    nothing: null,
    same: [1, 1],
    circular: { self: "[circular]" },
  });
});

test("an object that occurs twice is no cycle", () => {
  const shared = { a: 1 };
  expect(redactFields({ left: shared, right: shared })).toEqual({ left: { a: 1 }, right: { a: 1 } });
});

test("depth, lengths and counts are bounded", () => {
  const { maxDepth, maxEntries, maxTextChars } = telemetryLimits;
  let deep: object = { end: true };
  for (let level = 0; level < maxDepth; level++) deep = { deep };
  const text = "x".repeat(maxTextChars + 1);
  const written = redactFields({ deep, text, list: Array.from({ length: maxEntries + 5 }, (_, i) => i) });
  expect(JSON.stringify(written["deep"])).toContain('"[too deep]"');
  expect(written["text"]).toBe(`${"x".repeat(maxTextChars)}… [${maxTextChars + 1} characters]`);
  expect((written["list"] as unknown[]).slice(-2)).toEqual([maxEntries - 1, "[5 more]"]);
});

test("a secret is taken out before its text is cut", () => {
  const secret = `ghp_${"a1".repeat(18)}`;
  const text = `${"x".repeat(20)} ${secret}`;
  expect(redactFields({ text }, { maxChars: 30 })).toEqual({
    text: `${"x".repeat(20)} [redacted… [61 characters]`,
  });
});
