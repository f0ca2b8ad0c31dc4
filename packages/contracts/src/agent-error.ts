// The one error type of the product: a closed code, a message safe to show, and one table
// that maps the code to HTTP, gRPC, retry, exit, whose fault it is and the next command. Vendor
// errors are translated into it once, at the adapter.

/** Closed set of error codes; every surface (HTTP, gRPC, CLI) speaks these words. */
export type ErrorCode =
  | "invalid_input"
  | "unauthenticated"
  | "forbidden"
  | "not_found"
  | "conflict"
  | "rate_limited"
  | "timeout"
  | "cancelled"
  | "unavailable"
  | "provider_failed"
  | "tool_failed"
  | "policy_denied"
  | "limit_exceeded"
  | "internal";

/** How one code appears on each surface. `grpcStatus` is the numeric gRPC status. */
export type ErrorRow = {
  httpStatus: number;
  grpcStatus: number;
  /** `details` means: read `details.retryable`. */
  retry: "yes" | "no" | "details";
  exitCode: number;
  /** Who can mend it, as people read it. */
  fault: string;
  /** The command that helps when the error names none of its own in `details.next`. */
  next: string;
};

export const errorTable: Readonly<Record<ErrorCode, ErrorRow>> = {
  invalid_input: {
    httpStatus: 400,
    grpcStatus: 3,
    retry: "no",
    exitCode: 2,
    fault: "what was asked for",
    next: "ossaat --help",
  },
  unauthenticated: {
    httpStatus: 401,
    grpcStatus: 16,
    retry: "no",
    exitCode: 4,
    fault: "the token of this client",
    next: "ossaat doctor",
  },
  forbidden: {
    httpStatus: 403,
    grpcStatus: 7,
    retry: "no",
    exitCode: 4,
    fault: "the rights of this client",
    next: "ossaat doctor",
  },
  not_found: {
    httpStatus: 404,
    grpcStatus: 5,
    retry: "no",
    exitCode: 6,
    fault: "what was asked for",
    next: "ossaat runs --all",
  },
  conflict: {
    httpStatus: 409,
    grpcStatus: 10,
    retry: "no",
    exitCode: 1,
    fault: "the state of things, which changed or is not ready",
    next: "ossaat show",
  },
  rate_limited: {
    httpStatus: 429,
    grpcStatus: 8,
    retry: "yes",
    exitCode: 7,
    fault: "too many requests at once",
    next: "ossaat status",
  },
  timeout: {
    httpStatus: 504,
    grpcStatus: 4,
    retry: "yes",
    exitCode: 7,
    fault: "the server or what it waited for",
    next: "ossaat status",
  },
  cancelled: {
    httpStatus: 499,
    grpcStatus: 1,
    retry: "no",
    exitCode: 130,
    fault: "nobody: it was stopped on purpose",
    next: "ossaat runs",
  },
  unavailable: {
    httpStatus: 503,
    grpcStatus: 14,
    retry: "yes",
    exitCode: 7,
    fault: "this machine or its server",
    next: "ossaat doctor",
  },
  provider_failed: {
    httpStatus: 502,
    grpcStatus: 14,
    retry: "details",
    exitCode: 3,
    fault: "the model's vendor or the way to it",
    next: "ossaat doctor",
  },
  tool_failed: {
    httpStatus: 502,
    grpcStatus: 2,
    retry: "details",
    exitCode: 3,
    fault: "a tool of the run",
    next: "ossaat logs",
  },
  policy_denied: {
    httpStatus: 403,
    grpcStatus: 7,
    retry: "no",
    exitCode: 5,
    fault: "the rules in force here",
    next: "ossaat policy check",
  },
  limit_exceeded: {
    httpStatus: 422,
    grpcStatus: 8,
    retry: "no",
    exitCode: 8,
    fault: "a limit in force here",
    next: "ossaat config list",
  },
  internal: {
    httpStatus: 500,
    grpcStatus: 13,
    retry: "no",
    exitCode: 1,
    fault: "ossaat itself: this is a bug",
    next: "ossaat doctor",
  },
};

/** Exit codes of the CLI beyond those of {@link errorTable}. */
export const exitCodes = {
  done: 0,
  internal: 1,
  usage: 2,
  runFailed: 3,
  denied: 5,
  budget: 8,
  awaitingApproval: 9,
  interrupted: 130,
  /** The reader of the output left: as a program that SIGPIPE ends. */
  brokenPipe: 141,
  terminated: 143,
} as const;

export type ErrorDetails = Record<string, unknown>;

type Shortage = { message: string; next: string };

const diskFull: Shortage = {
  message: "The disk is full.",
  next: "make room on the disk of the state folder (`df -h` shows how full it is); what waits goes on by itself",
};
const tooManyFiles: Shortage = { message: "Too many files are open.", next: "raise the limit (`ulimit -n`)" };

/** What a machine runs short of and may have again, by the system's error code. */
const shortages: ReadonlyMap<unknown, Shortage> = new Map([
  ["ENOSPC", diskFull],
  ["EDQUOT", diskFull],
  ["EMFILE", tooManyFiles],
  ["ENFILE", tooManyFiles],
]);

/** Pause before something is tried again that a shortage stopped, ms: long enough for a person to act. */
const shortageRetryMs = 15_000;

function shortageError({ message, next }: Shortage, cause: unknown): AgentError {
  return new AgentError("unavailable", message, { details: { next, retryAfterMs: shortageRetryMs }, cause });
}

/** The error of a full disk, as {@link AgentError.from} makes it of ENOSPC. */
export function diskFullError(cause: unknown): AgentError {
  return shortageError(diskFull, cause);
}

/**
 * A failure with a code from the closed set.
 *
 * `message` is safe to show to any user of the platform: no stack, no vendor body, no path
 * outside the workspace. `details.next` holds, where the code alone does not tell it, the command
 * that mends it.
 */
export class AgentError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AgentError";
    this.code = code;
    this.details = options.details ?? {};
  }

  /**
   * Wraps anything thrown. An AgentError passes through, an abort becomes `cancelled`, and what this
   * machine is short of for a while becomes `unavailable`.
   */
  static from(thrown: unknown): AgentError {
    if (thrown instanceof AgentError) return thrown;
    if (thrown instanceof Error && thrown.name === "AbortError") {
      return new AgentError("cancelled", "The operation was cancelled.", { cause: thrown });
    }
    const shortage = shortages.get((thrown as { code?: unknown } | null | undefined)?.code);
    if (shortage !== undefined) return shortageError(shortage, thrown);
    return new AgentError("internal", "An unexpected error occurred; see the server's log.", { cause: thrown });
  }

  /** Whose fault it is, in a few words. */
  get fault(): string {
    return errorTable[this.code].fault;
  }

  /** What to do now; names a command. */
  get next(): string {
    const { next } = this.details;
    return typeof next === "string" && next !== "" ? next : errorTable[this.code].next;
  }

  /** Whether doing the same again may succeed. */
  get isRetryable(): boolean {
    const { retry } = errorTable[this.code];
    return retry === "yes" || (retry === "details" && this.details["retryable"] === true);
  }
}

/** The wire body of an error answer. */
export type ErrorBody = {
  code: ErrorCode;
  message: string;
  details?: ErrorDetails;
  requestId: string;
  traceId: string;
};

/** The body of an error; its `details.next` always names a command. */
export function toErrorBody(error: AgentError, ids: { requestId: string; traceId: string }): ErrorBody {
  return { code: error.code, message: error.message, details: { ...error.details, next: error.next }, ...ids };
}

/** Reason in the details of an error `unavailable`: a service of ours did not answer, and may be back soon. */
export const unreachableReason = "unreachable";

/** `details.reason` of a call by a worker whose step another has taken over; `details.newest` is the other's fence. */
export const fencedReason = "fenced";
