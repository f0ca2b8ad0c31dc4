// From a thrown error to the data of a failed attempt.
import { AgentError, fencedReason, unreachableReason } from "@ossaat/contracts";
import type { EndReason } from "@ossaat/contracts";
import { ProviderError } from "@ossaat/providers";

import type { Failure } from "../job/end-step.ts";
import { jobEngineLimits } from "../job/limits.ts";

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

/** A tool runner that is away, as while it is replaced, is no fault of the step. */
function waitForService(error: AgentError): Pick<Failure, "retryAfterMs" | "kind"> {
  if (error.code !== "unavailable" || error.details["reason"] !== unreachableReason) return {};
  return { retryAfterMs: jobEngineLimits.unreachableRetryMs, kind: "away" };
}

/** Whoever has the lease and is refused for a lower number has a database that was restored. */
function passFence({ details }: AgentError): Partial<Failure> {
  const { reason, newest } = details;
  if (reason !== fencedReason || typeof newest !== "number") return {};
  return {
    retryable: true,
    newestFence: newest,
    message: "the tool runner knows a later attempt than the database does, as after a restore of it",
  };
}

function retryAfter(error: AgentError): Pick<Failure, "retryAfterMs" | "askedByProvider"> {
  if (!(error instanceof ProviderError)) {
    const wait = error.details["retryAfterMs"];
    return typeof wait === "number" ? { retryAfterMs: wait } : {};
  }
  return error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs, askedByProvider: true };
}

/** Timers that ran for minutes while nothing, or no more, of an answer came. */
const silent: ReadonlySet<string | undefined> = new Set(["firstToken", "progress", "total"]);

function tellSilence(error: AgentError): Pick<Failure, "kind"> {
  return error instanceof ProviderError && silent.has(error.timeout) ? { kind: "silent" } : {};
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
    ...tellSilence(error),
    ...waitForService(error),
    ...passFence(error),
  };
}
