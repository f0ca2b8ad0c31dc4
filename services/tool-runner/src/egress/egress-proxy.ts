// The proxy of one run: the only way out of its box. It listens where the sandbox put it, on the
// box's own loopback, and serves nobody else.
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { Agent as HttpAgent, createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { isIP } from "node:net";
import type { Socket } from "node:net";

import { normalizeHost } from "@ossaat/contracts";
import type { BoundSecret, EgressReason, EgressRecord, EgressRule } from "@ossaat/contracts";
import { judgeTunnel } from "@ossaat/policy";

import type { GateListener } from "../sandbox/sandbox.ts";
import { EgressLedger } from "./egress-ledger.ts";
import type { StepBytes } from "./egress-ledger.ts";
import { forwardRequest, needsSecret } from "./forward-request.ts";
import { createInspector } from "./inspect-tunnel.ts";
import type { Inspector } from "./inspect-tunnel.ts";
import type { EgressLimits } from "./limits.ts";
import { createRunResolver } from "./resolve-host.ts";
import type { ResolverOptions } from "./resolve-host.ts";
import type { RunAuthority } from "./run-authority.ts";
import { framingOf, isStrangeMessage, refuse, refuseTunnel } from "./run-context.ts";
import type { RunContext } from "./run-context.ts";
import { openTunnel } from "./tunnel.ts";

export type EgressProxyOptions = {
  rules: readonly EgressRule[];
  secrets: readonly BoundSecret[];
  /** Bytes of the step so far. */
  bytes: StepBytes;
  limits: EgressLimits;
  resolver: ResolverOptions;
  /** Present when tunnels may have to be looked into. */
  authority: RunAuthority | undefined;
  upstreamCa?: readonly string[] | undefined;
};

/** Host and port of a CONNECT, or why there are none. */
function readAuthority(text: string): { host: string; port: number } | EgressReason {
  const match = /^(?<host>.+):(?<port>[1-9]\d{0,4})$/u.exec(text);
  if (match?.groups === undefined) return "malformed";
  const { host = "", port } = match.groups;
  return readTarget(host, Number(port));
}

function readTarget(name: string, port: number): { host: string; port: number } | EgressReason {
  if (port > 65_535) return "malformed";
  const read = normalizeHost(name);
  if (read.ok) return { host: read.host, port };
  // Neither an address nor a name of one word can be on a list.
  return isIP(name.replaceAll(/^\[|\]$/gu, "")) > 0 || /^[a-z0-9-]+\.?$/iu.test(name) ? "host_not_listed" : "malformed";
}

/** Proxy of one run. */
export class EgressProxy {
  /** What a program shows as its password; made for this run and of no use in another. */
  readonly token = randomBytes(32).toString("base64url");
  readonly #context: RunContext;
  readonly #server: Server;
  readonly #inspector: Inspector | undefined;
  readonly #sockets = new Set<Socket>();

  constructor({ rules, secrets, bytes, limits, resolver, authority, upstreamCa }: EgressProxyOptions) {
    this.#context = {
      rules,
      secrets,
      limits,
      ledger: new EgressLedger(bytes, limits),
      resolve: createRunResolver(resolver, limits.connectTimeoutMs),
      agents: { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) },
      upstreamCa,
    };
    this.#server = createServer({
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headerTimeoutMs,
      // A long body is bounded by the run, not by the request.
      requestTimeout: 0,
      connectionsCheckingInterval: 1_000,
      insecureHTTPParser: false,
    });
    this.#server.maxConnections = limits.maxConnections;
    this.#server.on("drop", () => this.#deny({ host: "", port: 0, method: "" }, "too_many_requests"));
    this.#server.on("connection", (socket) => this.#watch(socket));
    this.#server.on("request", (request, response) => void this.#onRequest(request, response));
    this.#server.on("connect", (request, socket, head) => void this.#onConnect(request, socket as Socket, head));
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket) => this.#onBroken(error, socket as Socket));
    this.#inspector = authority === undefined ? undefined : createInspector(this.#context, authority);
  }

  /** Takes over the listening socket of the box's network namespace, or listens where its connections are led to. */
  serve(listener: GateListener): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      // Who is led here may be another user; the folder around the socket says who may reach it.
      this.#server.listen("path" in listener ? { path: listener.path, writableAll: true } : listener, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
  }

  /** What was asked for so far and what was decided. */
  records(): EgressRecord[] {
    return this.#context.ledger.records();
  }

  /** Ends every connection, in both directions. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    this.#inspector?.close();
    this.#context.agents.http.destroy();
    this.#context.agents.https.destroy();
  }

  #watch(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    // A box that goes away in the middle is no event.
    socket.on("error", () => socket.destroy());
  }

  #isOurs({ headers }: IncomingMessage): boolean {
    const shown = headers["proxy-authorization"] ?? "";
    const digest = (text: string) => createHash("sha256").update(text).digest();
    const expected = `Basic ${Buffer.from(`run:${this.token}`).toString("base64")}`;
    return timingSafeEqual(digest(shown), digest(expected));
  }

  #deny(asked: { host: string; port: number; method: string; path?: string }, reason: EgressReason): EgressReason {
    this.#context.ledger.note({ ...asked, decision: "denied", reason });
    return reason;
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url: text = "" } = request;
    const framing = framingOf(request);
    if (framing === "broken") return;
    const url = /^https?:\/\//iu.test(text) ? URL.parse(text) : null;
    if (url === null || url.username !== "" || url.password !== "") {
      return refuse(response, this.#deny({ host: text, port: 0, method }, "malformed"));
    }
    const scheme = url.protocol === "https:" ? "https" : "http";
    const port = url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port);
    const asked = { host: url.hostname, port, method, path: url.pathname };
    if (!this.#context.ledger.admit()) return refuse(response, this.#deny(asked, "too_many_requests"));
    if (!this.#isOurs(request)) return refuse(response, this.#deny(asked, "unauthenticated"));
    const target = readTarget(url.hostname, port);
    if (typeof target === "string") return refuse(response, this.#deny(asked, target));
    if (framing === "unclear") return refuse(response, this.#deny(asked, "malformed"));
    await forwardRequest(this.#context, { request, response, target: { scheme, ...target }, url });
  }

  async #onConnect(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const { url: text = "" } = request;
    const target = readAuthority(text);
    const asked = typeof target === "string" ? { host: text, port: 0 } : target;
    const deny = (reason: EgressReason): void =>
      refuseTunnel(socket, this.#deny({ ...asked, method: "CONNECT" }, reason));
    if (!this.#context.ledger.admit()) return deny("too_many_requests");
    if (!this.#isOurs(request)) return deny("unauthenticated");
    if (typeof target === "string") return deny(target);
    const verdict = judgeTunnel(this.#context.rules, target);
    if (verdict.decision === "deny") return deny(verdict.reason);
    if (verdict.decision === "inspect" || needsSecret(this.#context, target)) {
      // Requests inside are judged and counted one by one.
      if (this.#inspector === undefined) return deny("malformed");
      return this.#inspector.take(socket, head, target);
    }
    if (this.#context.ledger.isSpent()) return deny("byte_budget");
    const resolved = await this.#context.resolve(target.host);
    if (!resolved.ok) return deny(resolved.reason);
    const record = this.#context.ledger.note({ ...target, method: "CONNECT", decision: "allowed" });
    const isReached = await openTunnel(this.#context, { socket, head, target, record }, resolved.addresses);
    if (isReached) return;
    this.#context.ledger.fail(record, "upstream_failed");
    refuseTunnel(socket, "upstream_failed");
  }

  #onBroken(error: NodeJS.ErrnoException, socket: Socket): void {
    if (isStrangeMessage(error) && socket.writable) {
      refuseTunnel(socket, this.#deny({ host: "", port: 0, method: "" }, "malformed"));
    } else {
      socket.destroy();
    }
  }
}
