// One judged request to its host and back: pinned, stripped, counted, and with the secret of the
// host added where the step may use it.
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { pipeline } from "node:stream/promises";

import { parseEgressEntry } from "@ossaat/contracts";
import type { BoundSecret, EgressReason, EgressRecord } from "@ossaat/contracts";
import { coversHost, judgeRequest } from "@ossaat/policy";

import { ByteBudgetSpent } from "./egress-ledger.ts";
import { maskText, maskingStream, secretForms } from "./redact-secret.ts";
import { pinnedLookup, refuse } from "./run-context.ts";
import type { RunContext, Target } from "./run-context.ts";

export type Exchange = { request: IncomingMessage; response: ServerResponse; target: Target; url: URL };

/** Fields that belong to one connection and never pass through, see RFC 9110, 7.6.1. A message may list more. */
const hopByHop = [
  "connection keep-alive proxy-authenticate proxy-authorization proxy-authentication-info proxy-connection te trailer",
  "transfer-encoding upgrade expect",
].flatMap((names) => names.split(" "));

function passedHeaders({ headersDistinct }: IncomingMessage): OutgoingHttpHeaders {
  const listed = (headersDistinct["connection"] ?? []).flatMap((value) => value.toLowerCase().split(/\s*,\s*/u));
  const dropped = new Set([...hopByHop, ...listed]);
  return Object.fromEntries(Object.entries(headersDistinct).filter(([name]) => !dropped.has(name)));
}

function secretFor({ secrets }: RunContext, { scheme, host, port }: Target): BoundSecret | undefined {
  // Never over a connection that others can read.
  if (scheme !== "https") return undefined;
  return secrets.find(({ hosts }) =>
    hosts.some((entry) => {
      const parsed = parseEgressEntry(entry);
      return parsed.ok && coversHost(parsed.rule, host) && parsed.rule.ports.includes(port);
    }),
  );
}

/** Whether the proxy has to see requests to a host because it adds something to them. */
export function needsSecret(context: RunContext, target: Omit<Target, "scheme">): boolean {
  return secretFor(context, { ...target, scheme: "https" }) !== undefined;
}

type Judged = { record: EgressRecord; secret: BoundSecret | undefined; headerValue: string | undefined };

async function judge(
  context: RunContext,
  exchange: Exchange,
): Promise<(Judged & { lookup: ReturnType<typeof pinnedLookup> }) | EgressReason> {
  const { request, target, url } = exchange;
  const asked = { ...target, method: request.method ?? "", path: url.pathname };
  const verdict = judgeRequest(context.rules, asked);
  const spent = context.ledger.isSpent() ? "byte_budget" : undefined;
  const reason = verdict.decision === "deny" ? verdict.reason : spent;
  const resolved = reason === undefined ? await context.resolve(target.host) : undefined;
  const denied = reason ?? (resolved?.ok === false ? resolved.reason : undefined);
  const { host, port, method, path } = asked;
  if (denied !== undefined || resolved?.ok !== true) {
    context.ledger.note({
      host,
      port,
      method,
      path,
      decision: "denied",
      ...(denied === undefined ? {} : { reason: denied }),
    });
    return denied ?? "not_resolved";
  }
  const secret = secretFor(context, target);
  const used = secret === undefined ? {} : { secret: secret.name };
  const record = context.ledger.note({ host, port, method, path, decision: "allowed", ...used });
  return { record, secret, headerValue: secret?.reveal(), lookup: pinnedLookup(resolved.addresses) };
}

/** How the body of a request ends, see RFC 9112, 6: ours alone to say, so that no body is read as a next request. */
function framing({ headers }: IncomingMessage): OutgoingHttpHeaders {
  if (headers["transfer-encoding"] !== undefined) return { "transfer-encoding": "chunked" };
  const { "content-length": length } = headers;
  return length === undefined ? {} : { "content-length": length };
}

function outgoingHeaders({ request, target }: Exchange, { secret, headerValue }: Judged): OutgoingHttpHeaders {
  const { scheme, host, port } = target;
  const isUsual = port === (scheme === "https" ? 443 : 80);
  const { "content-length": _length, ...passed } = passedHeaders(request);
  const headers = { ...passed, host: isUsual ? host : `${host}:${port}`, ...framing(request) };
  if (secret === undefined || headerValue === undefined) return headers;
  // An encoded or partial answer could not be searched for the secret.
  const { range: _range, "accept-encoding": _encoding, ...rest } = headers as Record<string, string | string[]>;
  return { ...rest, "accept-encoding": "identity", [secret.header.toLowerCase()]: headerValue };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

function headerBytes({ rawHeaders, url = "" }: IncomingMessage): number {
  return rawHeaders.reduce((sum, part) => sum + part.length + 2, url.length);
}

function send(
  context: RunContext,
  exchange: Exchange,
  judged: Judged & { lookup: ReturnType<typeof pinnedLookup> },
): ClientRequest {
  const { scheme, host, port } = exchange.target;
  const { limits, agents, upstreamCa } = context;
  const options = {
    host,
    port,
    method: exchange.request.method,
    path: `${exchange.url.pathname}${exchange.url.search}`,
    headers: outgoingHeaders(exchange, judged),
    lookup: judged.lookup,
    maxHeaderSize: limits.maxHeaderBytes,
    timeout: limits.idleTimeoutMs,
    setHost: false,
  };
  if (scheme === "http") return requestHttp({ ...options, agent: agents.http });
  return requestHttps({
    ...options,
    agent: agents.https,
    ...(upstreamCa === undefined ? {} : { ca: [...upstreamCa] }),
  });
}

function answered(upstream: ClientRequest, limits: RunContext["limits"]): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    upstream.once("response", resolve);
    upstream.on("error", reject);
    upstream.once("timeout", () => upstream.destroy(new Error("no byte in time")));
    // The time-out above begins with the connection; before it there is this one.
    const timer = setTimeout(() => upstream.destroy(new Error("no connection in time")), limits.connectTimeoutMs);
    upstream.once("close", () => clearTimeout(timer));
    upstream.once("socket", (socket) => {
      if (!socket.connecting) clearTimeout(timer);
      socket.once("connect", () => clearTimeout(timer));
    });
  });
}

async function passAnswer(
  context: RunContext,
  answer: IncomingMessage,
  {
    response,
    record,
    headerValue,
  }: { response: ServerResponse; record: EgressRecord; headerValue: string | undefined },
): Promise<void> {
  const headers = passedHeaders(answer);
  const meter = context.ledger.meter(record, "down");
  context.ledger.add(record, "down", headerBytes(answer));
  if (headerValue === undefined) {
    response.writeHead(answer.statusCode ?? 502, headers);
    await pipeline(answer, meter, response);
    return;
  }
  const spellings = secretForms(headerValue);
  const masked = Object.entries(headers).map(([name, value]) => {
    const values = Array.isArray(value) ? value : [String(value)];
    return [name, values.map((text) => maskText(text, spellings))] as const;
  });
  response.writeHead(answer.statusCode ?? 502, Object.fromEntries(masked));
  await pipeline(answer, meter, maskingStream(spellings), response);
}

function isEncoded({ headers }: IncomingMessage): boolean {
  const encoding = headers["content-encoding"] ?? "identity";
  return encoding.toLowerCase() !== "identity";
}

/** Judges the request, and when it may pass sends it on and its answer back. Never rejects. */
export async function forwardRequest(context: RunContext, exchange: Exchange): Promise<void> {
  const { request, response } = exchange;
  const judged = await judge(context, exchange);
  if (typeof judged === "string") return refuse(response, judged);
  const { record, headerValue } = judged;
  const upstream = send(context, exchange, judged);
  response.once("close", () => upstream.destroy());
  const failed = (reason: EgressReason): void => {
    if (reason !== "byte_budget") context.ledger.fail(record, reason);
    upstream.destroy();
    refuse(response, reason);
  };
  try {
    const answer = answered(upstream, context.limits);
    context.ledger.add(record, "up", headerBytes(request));
    const sent = hasBody(request) ? pipeline(request, context.ledger.meter(record, "up"), upstream) : upstream.end();
    const received = await Promise.race([answer, Promise.resolve(sent).then(() => answer)]);
    if (headerValue !== undefined && isEncoded(received)) return failed("unreadable_answer");
    await passAnswer(context, received, { response, record, headerValue });
  } catch (error) {
    failed(error instanceof ByteBudgetSpent ? "byte_budget" : "upstream_failed");
  }
}
