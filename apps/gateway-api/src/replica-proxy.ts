// Forwards requests to the replicas of the orchestrator's API, each in its turn. A replica that does
// not answer in time is passed over; a stream that breaks is the reader's to resume, from any of them.
import { Agent, request as httpRequest } from "node:http";
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from "node:http";

import { AgentError } from "@ossaat/contracts";
import { currentTraceparent } from "@ossaat/telemetry";
import type { Request, Response } from "express";

import { gatewayLimits } from "./limits.ts";
import { watchReplicas } from "./replica-health.ts";

export type ReplicaProxyOptions = {
  /** Origins of the replicas, as `http://127.0.0.1:8081`. */
  replicas: readonly string[];
  log: { warn(fields: object, message: string): void };
  /** Limits that differ from the gateway's own. */
  limits?: Partial<ReplicaLimits>;
};

type ReplicaLimits = { [name in "lookMs" | "connectMs" | "firstByteMs" | "archiveMs" | "silentMs"]: number };

export type ReplicaProxy = {
  /** Rejects when no replica answers. */
  forward(this: void, request: Request, response: Response): Promise<void>;
  /** @throws AgentError unavailable when no replica is ready, or this gateway stops */
  ready(): Promise<void>;
  /** Not ready from now on; streams end, and their readers go on at another gateway. */
  drain(): void;
  close(): void;
};

/** They belong to one connection, not to the message. */
const ownToConnection = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

function passedOn(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !ownToConnection.has(name)));
}

/** The body as a whole, because it may have to be sent to another replica. @throws AgentError limit_exceeded */
async function readBody(request: Request): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > gatewayLimits.maxBodyBytes) {
      const details = { httpStatus: 413, next: "send less; `ossaat plan --help` names the limits of a goal" };
      throw new AgentError("limit_exceeded", "The request is too large.", { details });
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}

const archiveType = "application/x-tar";

/** An archive may be larger than memory: it goes on to one replica as it comes. */
const isUpload = (request: Request): boolean => request.method === "POST" && request.is(archiveType) === archiveType;

type Attempt = {
  request: Request;
  response: Response;
  /** Absent = it streams. */
  body: Buffer | undefined;
  origin: string;
  agent: Agent;
  limits: ReplicaLimits;
  /** Aborts when streams must end. */
  draining: AbortSignal;
  /** Nobody is asked after this one. */
  isLast: boolean;
};

/** Whether it does no harm to ask twice. */
function isRepeatable(request: Request): boolean {
  if (request.method === "GET" || request.method === "HEAD") return true;
  // The one command whose key the orchestrator remembers.
  const isNewPlan = request.method === "POST" && request.path === "/plans";
  return isNewPlan && request.get("idempotency-key") !== undefined;
}

/** Whether the replica cannot have begun with the request, or it does no harm to ask twice. */
function mayAskAgain({ request }: Attempt, error: NodeJS.ErrnoException): boolean {
  return error.code === "ECONNREFUSED" || error.code === notConnected || isRepeatable(request);
}

/** A replica whose machine is away: nothing of the request left this one. */
const notConnected = "NOT_CONNECTED";

/** Gives up an answer that no byte comes of; a reader that is slow itself is waited for. */
function endWhenSilent(response: Response, answer: IncomingMessage, silentMs: number): void {
  const timer = setTimeout(() => {
    if (response.writableNeedDrain) return void timer.refresh();
    answer.destroy();
    response.destroy();
  }, silentMs);
  timer.unref();
  answer.on("data", () => timer.refresh());
  answer.on("close", () => clearTimeout(timer));
}

/** Ends a stream as if it were over, so that nothing half said arrives. */
function endWhenDraining(response: Response, answer: IncomingMessage, draining: AbortSignal): void {
  if (!(answer.headers["content-type"] ?? "").startsWith("text/event-stream")) return;
  const end = () => {
    answer.unpipe(response);
    response.end(() => answer.destroy());
  };
  if (draining.aborted) return end();
  draining.addEventListener("abort", end, { once: true });
  answer.on("close", () => draining.removeEventListener("abort", end));
}

function sendOn({ response, limits, draining }: Attempt, answer: IncomingMessage): void {
  const headers = Object.entries(passedOn(answer.headers)).filter(([name]) => !response.hasHeader(name));
  // What the gateway itself has set, such as the ids of the request, stays as it is.
  response.writeHead(answer.statusCode ?? 502, Object.fromEntries(headers));
  response.flushHeaders();
  answer.pipe(response);
  endWhenSilent(response, answer, limits.silentMs);
  endWhenDraining(response, answer, draining);
  // Half an answer is none: a reader has to see that it broke.
  answer.on("close", () => {
    if (!answer.complete) response.destroy();
  });
}

/** Ends a request that does not get on; the returned function says that it did. */
function bound(asked: ClientRequest, { request, limits }: Attempt): () => void {
  const giveUp = (code: string, message: string) => () => asked.destroy(Object.assign(new Error(message), { code }));
  const timers = [setTimeout(giveUp(notConnected, "it cannot be connected to"), limits.connectMs)];
  const wait = (ms: number) => void timers.push(setTimeout(giveUp("ETIMEDOUT", "it does not answer"), ms));
  if (isUpload(request)) {
    // What is still on its way cannot be answered; it must get on, though.
    asked.setTimeout(limits.silentMs, giveUp("ETIMEDOUT", "it takes no more"));
    asked.once("finish", () => {
      asked.setTimeout(0);
      wait(limits.archiveMs);
    });
  } else wait(request.get("accept") === archiveType ? limits.archiveMs : limits.firstByteMs);
  asked.once("socket", (socket) => {
    if (socket.connecting) socket.once("connect", () => clearTimeout(timers[0]));
    else clearTimeout(timers[0]);
  });
  return () => {
    for (const timer of timers) clearTimeout(timer);
  };
}

/** Sends the body on as it comes; what a replica does not want is read all the same, so that its answer arrives. */
function stream(request: Request, asked: ClientRequest): void {
  request.pipe(asked);
  asked.once("close", () => {
    request.unpipe(asked);
    request.resume();
  });
}

/** The gateway's span stands for the caller's; without tracing the caller's goes on as it came. */
function ownTrace(): { traceparent?: string } {
  const traceparent = currentTraceparent();
  return traceparent === undefined ? {} : { traceparent };
}

/** Resolves when the answer has begun. @throws the connection's error */
function ask(attempt: Attempt): Promise<void> {
  const { request, response, body, origin, agent, isLast } = attempt;
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": String(body.length) };
    const headers = { ...passedOn(request.headers), ...length, ...ownTrace() };
    const asked: ClientRequest = httpRequest(new URL(request.originalUrl, origin), {
      method: request.method,
      headers,
      agent,
    });
    const unbound = bound(asked, attempt);
    const leave = () => asked.destroy();
    response.once("close", leave);
    const fail = (error: Error) => {
      unbound();
      response.off("close", leave);
      reject(error);
    };
    asked.once("response", (answer) => {
      unbound();
      if (answer.statusCode === 503 && !isLast && isRepeatable(request)) {
        answer.resume();
        fail(new Error("it takes no requests now"));
        return;
      }
      sendOn(attempt, answer);
      resolve();
    });
    asked.on("error", fail);
    if (body === undefined) stream(request, asked);
    else asked.end(body);
  });
}

const noReplica = () =>
  new AgentError("unavailable", "No replica of the API can be reached.", { details: { next: "ossaat status" } });

/** @throws AgentError unavailable when none answers */
async function askInTurn(attempts: readonly Attempt[], { log }: ReplicaProxyOptions): Promise<void> {
  for (const attempt of attempts) {
    try {
      return await ask(attempt);
    } catch (error) {
      if (attempt.response.destroyed) return;
      log.warn({ replica: attempt.origin, problem: (error as Error).message }, "a replica did not answer");
      if (!mayAskAgain(attempt, error as NodeJS.ErrnoException)) break;
    }
  }
  throw noReplica();
}

export function createReplicaProxy(options: ReplicaProxyOptions): ReplicaProxy {
  const { replicas, log } = options;
  const limits: ReplicaLimits = { ...gatewayLimits, ...options.limits };
  const agent = new Agent({ keepAlive: true });
  const draining = new AbortController();
  const health = watchReplicas({ replicas, log, lookMs: limits.lookMs });
  let turn = 0;
  return {
    // Express hands its rejection on.
    async forward(request, response) {
      turn = (turn + 1) % replicas.length;
      const inTurn = health.readyFirst([...replicas.slice(turn), ...replicas.slice(0, turn)]);
      const isStream = isUpload(request);
      const body = isStream ? undefined : await readBody(request);
      const shared = { request, response, body, agent, limits, draining: draining.signal };
      // What has streamed away cannot be sent again.
      const asked = isStream ? inTurn.slice(0, 1) : inTurn;
      const attempts = asked.map((origin, index) => ({ ...shared, origin, isLast: index === asked.length - 1 }));
      await askInTurn(attempts, options);
    },
    async ready() {
      if (draining.signal.aborted || (await health.look()) === 0) throw noReplica();
    },
    drain: () => draining.abort(),
    close() {
      health.close();
      agent.destroy();
    },
  };
}
