// What the parts of one run's proxy share, and how they refuse.
import type { Agent as HttpAgent, IncomingMessage, ServerResponse } from "node:http";
import type { Agent as HttpsAgent } from "node:https";
import type { LookupFunction, Socket } from "node:net";

import type { BoundSecret, EgressReason, EgressRule, EgressScheme } from "@ossaat/contracts";

import type { EgressLedger } from "./egress-ledger.ts";
import type { EgressLimits } from "./limits.ts";
import type { HostAddress, Resolved } from "./resolve-host.ts";

export type RunContext = {
  rules: readonly EgressRule[];
  secrets: readonly BoundSecret[];
  ledger: EgressLedger;
  resolve: (host: string) => Promise<Resolved>;
  limits: EgressLimits;
  agents: { http: HttpAgent; https: HttpsAgent };
  /** Certificates upstream is checked against, besides the usual ones. For tests. */
  upstreamCa: readonly string[] | undefined;
};

/** Where a request goes; host in its normal spelling. */
export type Target = { scheme: EgressScheme; host: string; port: number };

const texts: Readonly<Record<EgressReason, string>> = {
  host_not_listed: "this host and port are not on the step's list",
  method_not_listed: "the step's list does not name this method for the host",
  path_not_listed: "the step's list does not cover this path of the host",
  address_not_public: "the name leads to this machine, its network or a metadata service",
  not_resolved: "the name has no address",
  malformed: "the request cannot be judged",
  unauthenticated: "the proxy's password of this very run is needed",
  other_server_name: "the handshake names another host than was asked for",
  byte_budget: "the step has moved as many bytes as it may",
  too_many_requests: "the call has made as many requests as it may",
  upstream_failed: "the host did not answer as it should",
  unreadable_answer: "the answer is encoded, and a secret was sent",
};

/** Why a request did not go through, for people and models. */
export function reasonText(reason: EgressReason): string {
  return texts[reason];
}

const statuses: Readonly<Partial<Record<EgressReason, number>>> = {
  unauthenticated: 407,
  malformed: 400,
  upstream_failed: 502,
  unreadable_answer: 502,
  byte_budget: 429,
  too_many_requests: 429,
};

/** Status line and header fields of a refusal, and its text. */
function refusal(reason: EgressReason): { status: number; headers: Record<string, string>; body: string } {
  const body = `ossaat: ${texts[reason]} (${reason})\n`;
  const challenge = reason === "unauthenticated" ? { "proxy-authenticate": 'Basic realm="ossaat"' } : {};
  return {
    status: statuses[reason] ?? 403,
    headers: {
      ...challenge,
      "x-ossaat-egress": reason,
      "content-type": "text/plain; charset=utf-8",
      "content-length": String(Buffer.byteLength(body)),
      connection: "close",
    },
    body,
  };
}

/** Answers a request with a refusal, unless an answer has begun: then it is cut off. */
export function refuse(response: ServerResponse, reason: EgressReason): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, headers, body } = refusal(reason);
  response.writeHead(status, headers).end(body);
}

/**
 * Whether the end of a request's body can be told, see RFC 9112, 6. `broken`: the parser says so itself,
 * right after the head. `unclear`: a coding before the last one, which we would have to pass on unseen.
 */
export function framingOf({ headers }: IncomingMessage): "clear" | "unclear" | "broken" {
  const coding = headers["transfer-encoding"]?.trim().toLowerCase() ?? "chunked";
  if (coding === "chunked") return "clear";
  return /(?:^|[\s,])chunked$/u.test(coding) ? "unclear" : "broken";
}

/** Whether a connection failed because of what was sent on it, and not because it was cut. */
export function isStrangeMessage({ code = "" }: NodeJS.ErrnoException): boolean {
  return code.startsWith("HPE_") || code === "ERR_HTTP_REQUEST_TIMEOUT";
}

/** Answers on a bare connection and ends it. */
export function refuseTunnel(socket: Socket, reason: EgressReason): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { status, headers, body } = refusal(reason);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end([`HTTP/1.1 ${status} Refused`, ...lines, "", body].join("\r\n"));
}

/** A lookup that gives the pinned addresses, whatever name it is asked for. */
export function pinnedLookup(addresses: readonly HostAddress[]): LookupFunction {
  return (_host, options, done) => {
    if (options.all === true) {
      done(null, [...addresses]);
      return;
    }
    const [first] = addresses;
    if (first === undefined) done(new Error("no address"), "");
    else done(null, first.address, first.family);
  };
}
