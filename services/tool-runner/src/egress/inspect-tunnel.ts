// Tunnels the proxy looks into: it answers in the host's place with the run's own certificate, so
// that methods and paths are judged and secrets can be added.
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

import { forwardRequest } from "./forward-request.ts";
import type { RunAuthority } from "./run-authority.ts";
import { framingOf, isStrangeMessage, refuse, refuseTunnel } from "./run-context.ts";
import type { RunContext, Target } from "./run-context.ts";

/** First byte of a TLS handshake. */
const handshake = 0x16;

export type Inspector = {
  /** Takes over a connection on which a tunnel to the target was asked for. */
  take(socket: Socket, head: Buffer, target: Omit<Target, "scheme">): void;
  close(): void;
};

function firstByte(socket: Socket, timeoutMs: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.destroy(), timeoutMs);
    const finish = (byte: number | undefined): void => {
      clearTimeout(timer);
      socket.off("readable", onReadable);
      resolve(byte);
    };
    const onReadable = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      socket.off("readable", onReadable);
      socket.unshift(chunk);
      finish(chunk[0]);
    };
    socket.on("readable", onReadable);
    socket.once("close", () => finish(undefined));
  });
}

/** Host and port a request names must be those of its tunnel: nobody is reached by another's name. */
function isSameHost({ headersDistinct }: IncomingMessage, { host, port, scheme }: Target): boolean {
  const named = headersDistinct["host"] ?? [];
  if (named.length !== 1) return false;
  const text = (named[0] ?? "").toLowerCase();
  const usual = port === (scheme === "https" ? 443 : 80);
  return text === `${host}:${port}` || (usual && text === host);
}

/** Makes the inner side of the proxy. */
export function createInspector(context: RunContext, authority: RunAuthority): Inspector {
  const targets = new WeakMap<Socket, Target>();
  const { limits } = context;
  const inner = createServer({
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headerTimeoutMs,
    requestTimeout: 0,
    connectionsCheckingInterval: 1_000,
    insecureHTTPParser: false,
  });

  const onRequest = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const target = targets.get(request.socket);
    const { method = "", url: path = "" } = request;
    if (target === undefined) return refuse(response, "malformed");
    const framing = framingOf(request);
    if (framing === "broken") return;
    const { scheme, host, port } = target;
    const url = path.startsWith("/") ? URL.parse(`${scheme}://${host}:${port}${path}`) : null;
    const isAdmitted = context.ledger.admit();
    if (url === null || !isAdmitted || framing === "unclear" || !isSameHost(request, target)) {
      const reason = isAdmitted ? "malformed" : "too_many_requests";
      context.ledger.note({ host, port, method, path, decision: "denied", reason });
      return refuse(response, reason);
    }
    await forwardRequest(context, { request, response, target, url });
  };
  inner.on("request", (request, response) => void onRequest(request, response));
  inner.timeout = limits.idleTimeoutMs;
  const onBroken = (socket: Socket, method: string): void => {
    const { host = "", port = 0 } = targets.get(socket) ?? {};
    context.ledger.note({ host, port, method, decision: "denied", reason: "malformed" });
    refuseTunnel(socket, "malformed");
  };
  // A tunnel inside a tunnel would lead to hosts nobody judged.
  inner.on("connect", (_request, socket) => onBroken(socket as Socket, "CONNECT"));
  inner.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (isStrangeMessage(error) && socket.writable) onBroken(socket as Socket, "");
    else socket.destroy();
  });

  const secure = async (socket: Socket, host: string): Promise<Socket> => {
    const secureContext = await authority.contextFor(host);
    const outer = new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: ["http/1.1"] });
    outer.on("error", () => outer.destroy());
    socket.once("close", () => outer.destroy());
    return outer;
  };

  const serve = async (socket: Socket, target: Omit<Target, "scheme">): Promise<void> => {
    const byte = await firstByte(socket, limits.headerTimeoutMs);
    if (byte === undefined) return;
    const isTls = byte === handshake;
    const stream = isTls ? await secure(socket, target.host) : socket;
    targets.set(stream, { ...target, scheme: isTls ? "https" : "http" });
    inner.emit("connection", stream);
  };

  return {
    take(socket, head, target) {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      if (head.length > 0) socket.unshift(head);
      void serve(socket, target).catch(() => socket.destroy());
    },
    close: () => inner.close(),
  };
}
