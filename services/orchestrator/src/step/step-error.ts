// From a thrown error to the data of a failed attempt.
import { AgentError } from "@ossaat/contracts";
import type { EndReason } from "@ossaat/contracts";
import { ProviderError } from "@ossaat/providers";

import type { Failure } from "../job/end-step.ts";

function reasonOf(error: AgentError): EndReason {
  if (error instanceof ProviderError) return "provider_failed";
  switch (error.code) {
    case "limit_exceeded":
      return error.details["budget"] === true ? "budget" : "limit";
    case "cancelled":
      return "cancelled";
    case "policy_denied":
    case "forbidden":
      return "policy";
    case "tool_failed":
    case "unavailable":
    case "timeout":
      return "tool_failed";
    default:
      return "internal";
  }
}

function retryAfter(error: AgentError): { retryAfterMs?: number } {
  const wait = error instanceof ProviderError ? error.retryAfterMs : error.details["retryAfterMs"];
  return typeof wait === "number" ? { retryAfterMs: wait } : {};
}

export function toFailure(thrown: unknown): Failure {
  const error = AgentError.from(thrown);
  const next = error.details["next"];
  return {
    reason: reasonOf(error),
    code: error.code,
    message: typeof next === "string" ? `${error.message} Next: ${next}` : error.message,
    retryable: error.isRetryable,
    ...retryAfter(error),
  };
}
