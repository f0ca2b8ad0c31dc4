// Forwards requests to the replicas of the orchestrator's API, each in its turn. A replica that does
// not answer is passed over; a stream that breaks is the reader's to resume, from any of them.
import { Agent, request as httpRequest } from "node:http";
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from "node:http";

import { AgentError } from "@ossaat/contracts";
import type { Request, Response } from "express";

import { gatewayLimits } from "./limits.ts";

export type ReplicaProxyOptions = {
  /** Origins of the replicas, as `http://127.0.0.1:8081`. */
  replicas: readonly string[];
  log: { warn(fields: object, message: string): void };
};

export type ReplicaProxy = {
  /** Rejects when no replica answers. */
  forward(this: void, request: Request, response: Response): Promise<void>;
  /** @throws AgentError unavailable when no replica is ready */
  ready(): Promise<void>;
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

type Attempt = { request: Request; response: Response; body: Buffer; origin: string; agent: Agent };

/** Whether the replica cannot have begun with the request, or it does no harm to ask twice. */
function mayAskAgain({ request }: Attempt, error: NodeJS.ErrnoException): boolean {
  if (error.code === "ECONNREFUSED") return true;
  return request.method === "GET" || request.method === "HEAD" || request.get("idempotency-key") !== undefined;
}

function sendOn(response: Response, answer: IncomingMessage): void {
  const headers = Object.entries(passedOn(answer.headers)).filter(([name]) => !response.hasHeader(name));
  // What the gateway itself has set, such as the ids of the request, stays as it is.
  response.writeHead(answer.statusCode ?? 502, Object.fromEntries(headers));
  response.flushHeaders();
  answer.pipe(response);
  // Half an answer is none: a reader has to see that it broke.
  answer.on("close", () => {
    if (!answer.complete) response.destroy();
  });
}

/** Resolves when the answer has begun. @throws the connection's error */
function ask(attempt: Attempt): Promise<void> {
  const { request, response, body, origin, agent } = attempt;
  return new Promise((resolve, reject) => {
    const headers = { ...passedOn(request.headers), "content-length": String(body.length) };
    const asked: ClientRequest = httpRequest(new URL(request.originalUrl, origin), {
      method: request.method,
      headers,
      agent,
    });
    const leave = () => asked.destroy();
    response.once("close", leave);
    asked.once("response", (answer) => {
      sendOn(response, answer);
      resolve();
    });
    asked.once("error", (error) => {
      response.off("close", leave);
      reject(error);
    });
    asked.end(body);
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

async function isReady(origin: string): Promise<boolean> {
  const signal = AbortSignal.timeout(gatewayLimits.readyMs);
  return fetch(new URL("/readyz", origin), { signal }).then(
    ({ ok }) => ok,
    () => false,
  );
}

export function createReplicaProxy(options: ReplicaProxyOptions): ReplicaProxy {
  const { replicas } = options;
  const agent = new Agent({ keepAlive: true });
  let turn = 0;
  return {
    // Express hands its rejection on.
    async forward(request, response) {
      turn = (turn + 1) % replicas.length;
      const inTurn = [...replicas.slice(turn), ...replicas.slice(0, turn)];
      const body = await readBody(request);
      await askInTurn(
        inTurn.map((origin) => ({ request, response, body, origin, agent })),
        options,
      );
    },
    async ready() {
      const answers = await Promise.all(replicas.map(isReady));
      if (!answers.includes(true)) throw noReplica();
    },
    close: () => agent.destroy(),
  };
}
