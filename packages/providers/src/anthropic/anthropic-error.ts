// Translates what the Anthropic SDK throws, and `error` events inside a stream, once.
import { APIConnectionError, APIConnectionTimeoutError, APIError, APIUserAbortError } from "@anthropic-ai/sdk";

import { httpError, kindOfStatus, networkError } from "../http-error.ts";
import type { VendorContact } from "../http-error.ts";
import { ProviderError } from "../provider-error.ts";
import type { ProviderErrorKind } from "../provider-error.ts";

const kindOfType: Readonly<Record<string, ProviderErrorKind>> = {
  invalid_request_error: "badRequest",
  authentication_error: "auth",
  billing_error: "billing",
  permission_error: "permission",
  not_found_error: "modelNotFound",
  conflict_error: "conflict",
  request_too_large: "contextLength",
  rate_limit_error: "rateLimit",
  timeout_error: "server",
  api_error: "server",
  overloaded_error: "overloaded",
};

const nextOfKind: Readonly<Partial<Record<ProviderErrorKind, string>>> = {
  auth: "`export ANTHROPIC_API_KEY=…` with a valid key, then try again",
  quota: "raise the spend limit of the provider's account, or `ossaat config set model MODEL`",
  billing: "check the billing page of the provider's account, then `ossaat doctor --online`",
  modelNotFound: "`ossaat config set model anthropic/MODEL` with a model the account may use",
};

type Body = { type?: unknown; message?: unknown; details?: { error_code?: unknown } | null };

/** A spend limit is no rate limit (waiting does not help); a long prompt has no code of its own. */
function refineKind(kind: ProviderErrorKind, body: Body): ProviderErrorKind {
  const code = body.details?.error_code;
  if (typeof code === "string" && code.includes("spend_limit")) return "quota";
  if (kind === "badRequest" && typeof body.message === "string" && body.message.startsWith("prompt is too long")) {
    return "contextLength";
  }
  return kind;
}

type AnthropicFailure = {
  body: Body;
  status?: number | undefined;
  headers?: Headers | undefined;
  requestId?: string | null | undefined;
  secrets: readonly string[];
};

/** An error body, from an answer's status or from an `error` event, as a ProviderError. */
export function anthropicFailure(failure: AnthropicFailure): ProviderError {
  const { body, status } = failure;
  const byType = typeof body.type === "string" ? kindOfType[body.type] : undefined;
  const kind = refineKind(byType ?? (status === undefined ? "server" : kindOfStatus(status)), body);
  return httpError({
    provider: "anthropic",
    kind,
    status,
    headers: failure.headers,
    code: body.details?.error_code ?? body.type,
    reason: body.message,
    secrets: failure.secrets,
    requestId: failure.requestId,
    next: nextOfKind[kind],
  });
}

/** @param vendor where the request went, for network errors, and the keys it may quote */
export function mapAnthropicError(thrown: unknown, { host, secrets }: VendorContact): ProviderError {
  const provider = "anthropic";
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
    const body = (thrown.error as { error?: Body } | undefined)?.error ?? {};
    const { status, headers, requestID: requestId } = thrown;
    return anthropicFailure({ body, status, headers, requestId, secrets });
  }
  return networkError(provider, host, thrown);
}
