// Translates what the openai SDK throws, once.
import { APIConnectionError, APIConnectionTimeoutError, APIError, APIUserAbortError } from "openai";

import { httpError, kindOfStatus, networkError } from "../http-error.ts";
import type { VendorContact } from "../http-error.ts";
import { ProviderError } from "../provider-error.ts";
import type { ProviderErrorKind } from "../provider-error.ts";

/** Codes and types of OpenAI's error bodies that say more than the status. */
const kindOfCode: Readonly<Record<string, ProviderErrorKind>> = {
  insufficient_quota: "quota",
  credit_balance_exhausted: "quota",
  billing_hard_limit_reached: "billing",
  billing_not_active: "billing",
  context_length_exceeded: "contextLength",
  string_above_max_length: "contextLength",
  content_filter: "contentFilter",
  content_policy_violation: "contentFilter",
  model_not_found: "modelNotFound",
  invalid_api_key: "auth",
  rate_limit_exceeded: "rateLimit",
  slow_down: "rateLimit",
  server_is_overloaded: "overloaded",
  overloaded_error: "overloaded",
  server_error: "server",
  invalid_prompt: "badRequest",
};

const nextOfKind: Readonly<Partial<Record<ProviderErrorKind, string>>> = {
  auth: "`export OPENAI_API_KEY=…` with a valid key, then try again",
  quota: "add credit to the provider's account, or `ossaat config set model MODEL`",
  billing: "check the billing page of the provider's account, then `ossaat doctor --online`",
  modelNotFound: "`ossaat config set model openai/MODEL` with a model the account may use",
};

/** Kind of an error code that came without a status, as inside a stream. */
export function kindOfOpenAICode(...codes: unknown[]): ProviderErrorKind | undefined {
  const found = codes.find((code) => typeof code === "string" && Object.hasOwn(kindOfCode, code));
  return found === undefined ? undefined : kindOfCode[found as string];
}

/** The vendor's sentence; some servers send it in the place of the object. */
function reasonOf({ error }: { error?: unknown }): unknown {
  return typeof error === "string" ? error : (error as { message?: unknown } | undefined)?.message;
}

/** @param vendor where the request went, for network errors, and the keys it may quote */
export function mapOpenAIError(thrown: unknown, { host, secrets }: VendorContact): ProviderError {
  const provider = "openai";
  if (thrown instanceof ProviderError) return thrown;
  if (thrown instanceof APIUserAbortError || (thrown instanceof Error && thrown.name === "AbortError")) {
    return new ProviderError("cancelled", "The model call was cancelled.", { provider });
  }
  if (thrown instanceof APIConnectionTimeoutError) {
    return new ProviderError("timeout", `The model provider at ${host} did not answer in time.`, {
      provider,
      timeout: "total",
    });
  }
  if (thrown instanceof APIConnectionError) return networkError(provider, host, thrown);
  if (thrown instanceof SyntaxError) {
    return new ProviderError("protocol", `The model provider at ${host} sent something that is not JSON.`, {
      provider,
    });
  }
  if (thrown instanceof APIError) {
    // Some servers put a number into `code`, as a status inside a 200 stream.
    const status = thrown.status ?? (typeof thrown.code === "number" ? (thrown.code as number) : undefined);
    const kind = kindOfOpenAICode(thrown.code, thrown.type) ?? (status === undefined ? "server" : kindOfStatus(status));
    return httpError({
      provider,
      kind,
      status,
      headers: thrown.headers,
      code: thrown.code ?? thrown.type,
      param: thrown.param,
      reason: reasonOf(thrown),
      secrets,
      requestId: thrown.requestID,
      next: nextOfKind[kind],
    });
  }
  return networkError(provider, host, thrown);
}
