// What every HTTP vendor's errors have in common: status, headers and network failures.
import { providerLimits } from "./limits.ts";
import { ProviderError } from "./provider-error.ts";
import type { ProviderErrorKind } from "./provider-error.ts";
import { refusalReason } from "./refusal-reason.ts";

/** Kind of an HTTP status when the vendor's own code says nothing better. */
export function kindOfStatus(status: number): ProviderErrorKind {
  switch (status) {
    case 401:
      return "auth";
    case 402:
      return "billing";
    case 403:
      return "permission";
    case 404:
      return "modelNotFound";
    case 408:
    case 504:
      return "server";
    case 409:
      return "conflict";
    case 429:
      return "rateLimit";
    case 503:
    case 529:
      return "overloaded";
    default:
      return status >= 500 ? "server" : "badRequest";
  }
}

/** Milliseconds to wait, from `retry-after-ms` or `retry-after` (seconds or a date). */
export function readRetryAfterMs(headers: Headers | undefined, now: number): number | undefined {
  const milliseconds = Number.parseFloat(headers?.get("retry-after-ms") ?? "");
  const text = headers?.get("retry-after") ?? "";
  const seconds = /^\s*\d+(?:\.\d+)?\s*$/.test(text) ? Number.parseFloat(text) : Number.NaN;
  const date = Date.parse(text);
  const candidates = [milliseconds, seconds * 1_000, Number.isNaN(seconds) ? date - now : Number.NaN];
  const found = candidates.find((value) => !Number.isNaN(value));
  return found === undefined ? undefined : Math.min(Math.max(0, Math.ceil(found)), providerLimits.maxRetryAfterMs);
}

/** The vendor's own word on whether to ask again. */
function readShouldRetry(headers: Headers | undefined): boolean | undefined {
  const text = headers?.get("x-should-retry");
  return text === "true" ? true : text === "false" ? false : undefined;
}

/** A vendor's code or parameter name when it is a short plain word; never free text. */
export function safeWord(value: unknown): string | undefined {
  return typeof value === "string" && /^[\w.[\]-]{1,80}$/.test(value) ? value : undefined;
}

/** The system's error code (ECONNREFUSED …) from a chain of causes. */
function networkCode(thrown: unknown): string | undefined {
  for (let error: unknown = thrown, depth = 0; error instanceof Error && depth < 8; error = error.cause, depth += 1) {
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code === "string" && /^[A-Z][A-Z0-9_]+$/.test(code)) return code;
  }
  return undefined;
}

/** A failure below HTTP: refused, reset, cut, name not found. */
export function networkError(provider: string, host: string, thrown: unknown): ProviderError {
  const code = networkCode(thrown);
  const suffix = code === undefined ? "" : ` (${code})`;
  return new ProviderError("network", `The connection to the model provider ${provider} at ${host} failed${suffix}.`, {
    provider,
    vendorCode: code,
    next: `\`ossaat doctor --online\` checks that ${host} can be reached`,
  });
}

/** An answer that ended before it was whole. `contentType` is what the server called it. */
export function incompleteAnswer(provider: string, host: string, contentType: string | null): ProviderError {
  const type = contentType?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (type === "" || type === "text/event-stream") {
    const message = `The connection to ${host} ended before the answer was complete.`;
    return new ProviderError("network", message, { provider });
  }
  // Not what a model server says to this request: another program, or another path of the right one.
  const shown = /^[\w.+/-]{1,60}$/u.test(type) ? type : "another type";
  return new ProviderError("protocol", `${host} answered with ${shown} where a stream of events was expected.`, {
    provider,
    retryable: false,
    next: `check ${provider.toUpperCase()}_BASE_URL: it names the address that the server's manual gives for this protocol`,
  });
}

const kindTexts: Readonly<Partial<Record<ProviderErrorKind, string>>> = {
  auth: "refused the API key",
  permission: "does not allow this request with this API key",
  billing: "reports a billing problem of the account",
  quota: "reports that the account's quota is used up",
  rateLimit: "is limiting the request rate",
  overloaded: "is overloaded",
  badRequest: "refused the request",
  contextLength: "refused the request: it is longer than the model's context",
  contentFilter: "refused the content of the request",
  modelNotFound: "does not know the model",
  conflict: "reports a conflict",
  server: "failed on its side",
};

/** Where requests go, and the keys that an answer may quote. */
export type VendorContact = { host: string; secrets: readonly string[] };

/** The keys of some settings of which each may be absent. */
export function keysOf(...keys: readonly (string | undefined)[]): string[] {
  return keys.flatMap((key) => (key === undefined || key.trim() === "" ? [] : [key.trim()]));
}

export type HttpFailure = {
  provider: string;
  kind: ProviderErrorKind;
  status?: number | undefined;
  headers?: Headers | undefined;
  code?: unknown;
  param?: unknown;
  /** The vendor's own sentence, as it came. */
  reason?: unknown;
  /** Keys that the sentence may repeat. */
  secrets: readonly string[];
  requestId?: string | null | undefined;
  next?: string | undefined;
};

/** A refused or failed request as a ProviderError; of the body short code words and a safe reason are kept. */
export function httpError(failure: HttpFailure): ProviderError {
  const { provider, kind, status, headers } = failure;
  const code = safeWord(failure.code);
  const param = safeWord(failure.param);
  const facts = [status, code, param === undefined ? undefined : `parameter ${param}`].filter(
    (fact) => fact !== undefined,
  );
  const suffix = facts.length === 0 ? "" : ` (${facts.join(", ")})`;
  const reason = refusalReason(failure.reason, failure.secrets);
  const said = reason === undefined ? "" : ` It says: "${reason}"`;
  return new ProviderError(kind, `The model provider ${provider} ${kindTexts[kind] ?? "failed"}${suffix}.${said}`, {
    provider,
    status,
    vendorCode: code,
    requestId: failure.requestId ?? undefined,
    retryAfterMs: readRetryAfterMs(headers, Date.now()),
    // A vendor may forbid a retry that the kind would allow, never the other way round.
    retryable: readShouldRetry(headers) === false ? false : undefined,
    next: failure.next,
  });
}
