// The typed HTTP and SSE client of the plan API. No state of its own.
import { AgentError, errorTable } from "@ossaat/contracts/errors";
import type {
  AgentListResponse,
  ApprovalDecision,
  ApprovalListResponse,
  ApprovalState,
  CreatePlanRequest,
  DeadLetterListResponse,
  DeadLetterQuery,
  DeadLetterResponse,
  DeadLettersDecision,
  DeadLettersDecisionResponse,
  DiffResponse,
  EditPlanRequest,
  ErrorCode,
  ImportPlanResponse,
  PlanDecision,
  PlanEvent,
  PlanListResponse,
  PlanState,
  PolicyCheckResponse,
  PolicyReplayRequest,
  PolicyReplayResponse,
  QueueStatusResponse,
  ReconcileResponse,
  RetryPlanRequest,
  StatusResponse,
  Stored,
} from "@ossaat/contracts";

import type { StreamItem } from "./read-stream.ts";

/** What the client asks of an answer; a `Response` has it. */
export type ClientAnswer = Pick<Response, "ok" | "status" | "body" | "text">;

/** What the client asks with; the built-in `fetch` fits. */
export type ClientFetch = (
  url: string,
  init: {
    method?: string;
    headers?: Record<string, string>;
    body?: string | AsyncIterable<Uint8Array>;
    /** The built-in one takes a body in parts only with this word. */
    duplex?: "half";
    signal?: AbortSignal;
  },
) => Promise<ClientAnswer>;

export type ClientOptions = {
  /** Both are read before every request, because a restarted server has others. */
  baseUrl(): string | Promise<string>;
  token(): string | Promise<string>;
  fetch?: ClientFetch;
};

/**
 * Pauses before a request that may be repeated is sent again, ms. At once first, for a kept connection that
 * the server had closed; then later, since a server that is killed answers with resets for a while.
 */
const repeatPausesMs = [0, 100, 500] as const;

/** Time the server has to answer a request, repeated or not, ms; planning and running happen after the answer. */
const requestTimeoutMs = 60_000;

type Call = {
  method?: string;
  body?: unknown;
  /** Sent as it is instead of a body of JSON. */
  upload?: AsyncIterable<Uint8Array>;
  accept?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Asking twice does what asking once does: a broken connection is tried again. */
  isRepeatable?: boolean;
};

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(errorTable, code);
}

const otherServer = { next: "`ossaat config explain server.url` says which server is asked" };

/** @throws AgentError unavailable when it is none; what breaks the connection as it is */
async function readJson(response: ClientAnswer): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = `The server answered ${response.status} with something that is not JSON.`;
    throw new AgentError("unavailable", message, { details: otherServer, cause });
  }
}

async function toError(response: ClientAnswer): Promise<AgentError> {
  const answer = (await readJson(response)) as {
    code?: unknown;
    message?: unknown;
    details?: Record<string, unknown>;
    requestId?: string;
  } | null;
  const { code, message, details, requestId } = answer ?? {};
  if (isErrorCode(code) && typeof message === "string") {
    return new AgentError(code, message, { details: { ...details, requestId } });
  }
  return new AgentError("unavailable", `The server answered ${response.status}.`, { details: otherServer });
}

/** Asks again after each pause while the connection breaks. @throws AgentError unavailable */
async function repeat<T>(attempt: () => Promise<T>, pausesMs: readonly number[], signal: AbortSignal): Promise<T> {
  const [pauseMs, ...later] = pausesMs;
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof AgentError) throw error;
    if (pauseMs === undefined || signal.aborted) {
      throw new AgentError("unavailable", "The server does not answer.", {
        details: { next: "ossaat status" },
        cause: error,
      });
    }
  }
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
  return repeat(attempt, later, signal);
}

type Ask = <T>(path: string, call: Call, read: (response: ClientAnswer) => Promise<T> | T) => Promise<T>;

/** Asks and reads what is answered; one that breaks while it is read is as if there were none. */
function makeAsk(options: ClientOptions): Ask {
  const send = options.fetch ?? fetch;
  return (path, call, read) => {
    const { method = "GET", body, upload, accept = "application/json", headers = {} } = call;
    // A stream may stay open; anything else is answered in time or not at all.
    const signal = call.signal ?? AbortSignal.timeout(requestTimeoutMs);
    const attempt = async () => {
      const response = await send(`${await options.baseUrl()}${path}`, {
        method,
        headers: {
          accept,
          authorization: `Bearer ${await options.token()}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(upload === undefined ? {} : { body: upload, duplex: "half" as const }),
        signal,
      });
      if (!response.ok) throw await toError(response);
      return read(response);
    };
    const isRepeatable = call.isRepeatable ?? method === "GET";
    return repeat(attempt, isRepeatable ? repeatPausesMs : [], signal);
  };
}

type LogPart = { data: string; totalBytes: number; nextByte: number };

export type Client = {
  status(): Promise<StatusResponse>;
  createPlan(request: CreatePlanRequest, options?: { idempotencyKey?: string }): Promise<PlanState>;
  listPlans(options?: { cursor?: string; repository?: string }): Promise<PlanListResponse>;
  getPlan(planId: string): Promise<PlanState>;
  editPlan(planId: string, request: EditPlanRequest): Promise<PlanState>;
  decidePlan(planId: string, decision: PlanDecision): Promise<PlanState>;
  retryPlan(planId: string, request: RetryPlanRequest): Promise<PlanState>;
  listEvents(planId: string, afterSeq?: number): Promise<PlanEvent[]>;
  /** Events from the log, then live; resumes by itself; ends with the plan. */
  watchPlan(planId: string, options: { afterSeq?: number; signal: AbortSignal }): AsyncGenerator<StreamItem>;
  getDiff(planId: string, step?: string): Promise<DiffResponse>;
  getEvidence(planId: string): Promise<unknown>;
  /** What an event's {@link Stored} value holds, inline or by reference. */
  loadStored(planId: string, stored: Stored): Promise<unknown>;
  /** Part of a command's full output. @throws AgentError not_found */
  readLog(planId: string, logRef: string, fromByte?: number): Promise<LogPart>;
  listApprovals(options?: { plan?: string; status?: "all" }): Promise<ApprovalListResponse>;
  /** @throws AgentError not_found */
  getApproval(approvalId: string): Promise<ApprovalState>;
  decideApproval(
    approvalId: string,
    decision: ApprovalDecision,
  ): Promise<{ planId: string; stepId: string; status: string }>;
  /** The plan's archive, as bytes. */
  exportPlan(planId: string, options: { signal: AbortSignal }): Promise<ReadableStream<Uint8Array>>;
  /** Takes a plan over; `repository` is where it goes on. */
  importPlan(
    archive: AsyncIterable<Uint8Array>,
    options: { repository?: string; signal: AbortSignal },
  ): Promise<ImportPlanResponse>;
  listAgents(repository: string): Promise<AgentListResponse>;
  checkPolicy(planId: string): Promise<PolicyCheckResponse>;
  replayPolicy(request: PolicyReplayRequest): Promise<PolicyReplayResponse>;
  queueStatus(): Promise<QueueStatusResponse>;
  /** What differs; mends nothing. */
  findDifferences(): Promise<ReconcileResponse>;
  mendDifferences(): Promise<ReconcileResponse>;
  listDeadLetters(query?: DeadLetterQuery): Promise<DeadLetterListResponse>;
  /** By its id or the beginning of it. @throws AgentError not_found, invalid_input */
  getDeadLetter(letterId: string): Promise<DeadLetterResponse>;
  /** Where one that is named is not there, none ends. @throws AgentError not_found, invalid_input */
  decideDeadLetters(request: DeadLettersDecision): Promise<DeadLettersDecisionResponse>;
};

function query(values: Record<string, string | undefined>): string {
  const entries = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return entries.length === 0 ? "" : `?${new URLSearchParams(entries).toString()}`;
}

/** All errors are AgentError; a server that does not answer is `unavailable`. */
export function createClient(options: ClientOptions): Client {
  const ask = makeAsk(options);
  const json = async <T>(path: string, call: Call = {}) => (await ask(path, call, readJson)) as T;
  const open = (path: string, call: Call) => ask(path, call, (response) => response);
  const plan = async (path: string, call?: Call) => (await json<{ plan: PlanState }>(path, call)).plan;
  const letterAt = (letterId: string) => `/queue/dead-letters/${encodeURIComponent(letterId)}`;
  const at = (planId: string) => `/plans/${encodeURIComponent(planId)}`;
  return {
    status: () => json("/status"),
    createPlan: (body, { idempotencyKey = crypto.randomUUID() } = {}) =>
      plan("/plans", { method: "POST", body, headers: { "idempotency-key": idempotencyKey }, isRepeatable: true }),
    listPlans: (filter = {}) => json(`/plans${query(filter)}`),
    getPlan: (planId) => plan(at(planId)),
    editPlan: (planId, body) => plan(`${at(planId)}/plan`, { method: "PUT", body }),
    decidePlan: (planId, body) =>
      plan(`${at(planId)}/decisions`, { method: "POST", body, isRepeatable: body.decision !== "revise" }),
    retryPlan: (planId, body) => plan(`${at(planId)}/retry`, { method: "POST", body }),
    listEvents: async (planId, afterSeq = 0) =>
      (await json<{ events: PlanEvent[] }>(`${at(planId)}/events${query({ lastEventId: String(afterSeq) })}`)).events,
    watchPlan: async function* watchPlan(planId, { afterSeq = 0, signal }) {
      // Imported here: the schemas of all events take longer to load than most requests take.
      const { readStream } = await import("./read-stream.ts");
      const openAfter = (lastSeq: number, streamSignal: AbortSignal) =>
        open(`${at(planId)}/events`, {
          accept: "text/event-stream",
          headers: { "last-event-id": String(lastSeq) },
          signal: streamSignal,
        });
      yield* readStream(openAfter, { afterSeq, signal });
    },
    getDiff: (planId, step) => json(`${at(planId)}/diff${query({ step })}`),
    getEvidence: (planId) => json(`${at(planId)}/evidence`),
    async loadStored(planId, stored) {
      if (!("ref" in stored) || typeof stored.ref !== "string") return (stored as { value: unknown }).value;
      const path = `${at(planId)}/artifacts/${encodeURIComponent(stored.ref)}`;
      return (await json<{ value: unknown }>(path)).value;
    },
    readLog: (planId, logRef, fromByte = 0) =>
      json(`${at(planId)}/logs/${encodeURIComponent(logRef)}${query({ fromByte: String(fromByte) })}`),
    listApprovals: (filter = {}) => json(`/approvals${query(filter)}`),
    getApproval: async (approvalId) =>
      (await json<{ approval: ApprovalState }>(`/approvals/${encodeURIComponent(approvalId)}`)).approval,
    decideApproval: (approvalId, body) =>
      json(`/approvals/${encodeURIComponent(approvalId)}/decisions`, { method: "POST", body, isRepeatable: true }),
    async exportPlan(planId, { signal }) {
      const { body } = await open(`${at(planId)}/archive`, { accept: "application/x-tar", signal });
      if (body === null) {
        throw new AgentError("unavailable", "The server sent no archive.", { details: { next: "ossaat status" } });
      }
      return body;
    },
    importPlan: (upload, { repository, signal }) =>
      json(`/plans/import${query({ repository })}`, {
        method: "POST",
        upload,
        headers: { "content-type": "application/x-tar" },
        signal,
      }),
    listAgents: (repository) => json(`/agents${query({ repository })}`),
    checkPolicy: (planId) => json(`${at(planId)}/policy`),
    replayPolicy: (body) => json("/policy/replay", { method: "POST", body, isRepeatable: true }),
    queueStatus: () => json("/queue"),
    findDifferences: () => json("/reconciliation"),
    mendDifferences: () => json("/reconciliation", { method: "POST", isRepeatable: true }),
    listDeadLetters: ({ limit, ...filter } = {}) =>
      json(`/queue/dead-letters${query({ ...filter, limit: limit?.toString() })}`),
    getDeadLetter: (letterId) => json(letterAt(letterId)),
    decideDeadLetters: (body) => json("/queue/dead-letters/decisions", { method: "POST", body }),
  };
}
