// The one failure of a model call. Vendor errors are translated into it once, in the vendor's
// folder; of a response body its message repeats no more than `refusalReason` lets through.
import { AgentError } from "@ossaat/contracts";
import type { ErrorCode } from "@ossaat/contracts";

export type ProviderErrorKind =
  | "auth"
  | "permission"
  | "billing"
  | "quota"
  | "rateLimit"
  | "overloaded"
  | "timeout"
  | "network"
  | "badRequest"
  | "contextLength"
  | "contentFilter"
  | "modelNotFound"
  | "conflict"
  | "protocol"
  | "server"
  | "cancelled";

export type TimeoutPhase = "connect" | "firstToken" | "idle" | "progress" | "total";

/** Whether anything of the answer had arrived: an error after that may already have cost money. */
export type ErrorPhase = "beforeFirstToken" | "afterFirstToken";

/** How much of the vendor is affected; what a breaker or a fallback may conclude. */
export type ErrorScope = "request" | "key" | "model" | "provider";

type KindRow = { code: ErrorCode; retryable: boolean; scope: ErrorScope };

const kindTable: Readonly<Record<ProviderErrorKind, KindRow>> = {
  auth: { code: "provider_failed", retryable: false, scope: "key" },
  permission: { code: "provider_failed", retryable: false, scope: "key" },
  billing: { code: "provider_failed", retryable: false, scope: "key" },
  quota: { code: "provider_failed", retryable: false, scope: "key" },
  rateLimit: { code: "rate_limited", retryable: true, scope: "key" },
  overloaded: { code: "provider_failed", retryable: true, scope: "provider" },
  timeout: { code: "timeout", retryable: true, scope: "provider" },
  network: { code: "provider_failed", retryable: true, scope: "provider" },
  badRequest: { code: "provider_failed", retryable: false, scope: "request" },
  contextLength: { code: "provider_failed", retryable: false, scope: "request" },
  contentFilter: { code: "provider_failed", retryable: false, scope: "request" },
  modelNotFound: { code: "provider_failed", retryable: false, scope: "model" },
  conflict: { code: "provider_failed", retryable: true, scope: "request" },
  protocol: { code: "provider_failed", retryable: true, scope: "provider" },
  server: { code: "provider_failed", retryable: true, scope: "provider" },
  cancelled: { code: "cancelled", retryable: false, scope: "request" },
};

/** Kinds with which a vendor turns a request away instead of working on it. */
const refusals: ReadonlySet<ProviderErrorKind> = new Set([
  "auth",
  "permission",
  "billing",
  "quota",
  "rateLimit",
  "overloaded",
  "badRequest",
  "contextLength",
  "modelNotFound",
  "conflict",
]);

export type ProviderErrorFields = {
  provider: string;
  /** HTTP status. */
  status?: number | undefined;
  /** The vendor's own code, a short word. */
  vendorCode?: string | undefined;
  requestId?: string | undefined;
  retryAfterMs?: number | undefined;
  timeout?: TimeoutPhase | undefined;
  phase?: ErrorPhase | undefined;
  /** Overrides what the kind says. */
  retryable?: boolean | undefined;
  /** What a person can do next. */
  next?: string | undefined;
  cause?: unknown;
};

/**
 * A model call that failed. `retryable` says whether asking the same again may succeed; an
 * error in phase `afterFirstToken` must not be retried without a record, because it was paid for.
 */
export class ProviderError extends AgentError {
  readonly kind: ProviderErrorKind;
  readonly provider: string;
  readonly status: number | undefined;
  readonly vendorCode: string | undefined;
  readonly requestId: string | undefined;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly timeout: TimeoutPhase | undefined;
  readonly phase: ErrorPhase;
  readonly scope: ErrorScope;
  readonly #safeMessage: string;
  readonly #fields: ProviderErrorFields;

  constructor(kind: ProviderErrorKind, message: string, fields: ProviderErrorFields) {
    const row = kindTable[kind];
    const retryable = fields.retryable ?? row.retryable;
    const phase = fields.phase ?? "beforeFirstToken";
    const details = Object.fromEntries(
      Object.entries({
        kind,
        provider: fields.provider,
        status: fields.status,
        vendorCode: fields.vendorCode,
        requestId: fields.requestId,
        retryable,
        retryAfterMs: fields.retryAfterMs,
        timeout: fields.timeout,
        phase,
        next: fields.next,
      }).filter(([, value]) => value !== undefined),
    );
    super(row.code, message, { details, cause: fields.cause });
    this.name = "ProviderError";
    this.kind = kind;
    this.provider = fields.provider;
    this.status = fields.status;
    this.vendorCode = fields.vendorCode;
    this.requestId = fields.requestId;
    this.retryable = retryable;
    this.retryAfterMs = fields.retryAfterMs;
    this.timeout = fields.timeout;
    this.phase = phase;
    this.scope = row.scope;
    this.#safeMessage = message;
    this.#fields = fields;
  }

  /** Whether the vendor may have worked on the request, and so may charge for it. */
  get mayHaveCost(): boolean {
    return this.phase === "afterFirstToken" || !(refusals.has(this.kind) || this.timeout === "connect");
  }

  override get isRetryable(): boolean {
    return this.retryable;
  }

  /** The same error, said to have happened after the first token. */
  afterFirstToken(): ProviderError {
    return new ProviderError(this.kind, this.#safeMessage, { ...this.#fields, phase: "afterFirstToken" });
  }
}
