import { AgentError, errorTable } from "@ossaat/contracts";
import { expect, test } from "vitest";

import { ProviderError } from "./provider-error.ts";
import type { ProviderErrorKind } from "./provider-error.ts";

const rows: [ProviderErrorKind, string, boolean][] = [
  ["auth", "provider_failed", false],
  ["permission", "provider_failed", false],
  ["billing", "provider_failed", false],
  ["quota", "provider_failed", false],
  ["rateLimit", "rate_limited", true],
  ["overloaded", "provider_failed", true],
  ["timeout", "timeout", true],
  ["network", "provider_failed", true],
  ["badRequest", "provider_failed", false],
  ["contextLength", "provider_failed", false],
  ["contentFilter", "provider_failed", false],
  ["modelNotFound", "provider_failed", false],
  ["conflict", "provider_failed", true],
  ["protocol", "provider_failed", true],
  ["server", "provider_failed", true],
  ["cancelled", "cancelled", false],
];

test.each(rows)("%s is %s, retryable %s", (kind, code, retryable) => {
  const error = new ProviderError(kind, "message", { provider: "acme" });
  expect(error).toBeInstanceOf(AgentError);
  expect(AgentError.from(error)).toBe(error);
  expect(errorTable).toHaveProperty(error.code);
  expect([error.code, error.retryable, error.isRetryable]).toEqual([code, retryable, retryable]);
});

test("details are plain data without what is unknown", () => {
  const error = new ProviderError("rateLimit", "slow down", { provider: "acme", retryAfterMs: 5, retryable: false });
  expect(error.details).toEqual({
    kind: "rateLimit",
    provider: "acme",
    retryable: false,
    retryAfterMs: 5,
    phase: "beforeFirstToken",
  });
  expect(error.isRetryable).toBe(false);
});

test("afterFirstToken changes the phase and nothing else", () => {
  const cause = new Error("x");
  const before = new ProviderError("network", "cut", { provider: "acme", status: 200, cause });
  const after = before.afterFirstToken();
  expect(after.phase).toBe("afterFirstToken");
  expect({ ...after.details, phase: before.phase }).toEqual(before.details);
  expect([after.message, after.cause]).toEqual([before.message, cause]);
});
