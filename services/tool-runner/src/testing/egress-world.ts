// Hosts with names that lead to real servers of this test, a proxy in front of them, and clients
// that speak to it as programs in a box do.
import { createServer as createHttpServer, request } from "node:http";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { connect, createServer as createNetServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { connect as connectTls } from "node:tls";

import type { BoundSecret, EgressRecord } from "@ossaat/contracts";
import { readEgressRules } from "@ossaat/policy";

import { EgressProxy } from "../egress/egress-proxy.ts";
import type { StepBytes } from "../egress/egress-ledger.ts";
import { egressLimits } from "../egress/limits.ts";
import type { EgressLimits } from "../egress/limits.ts";
import type { ResolverOptions } from "../egress/resolve-host.ts";
import { createRunAuthority } from "../egress/run-authority.ts";
import type { RunAuthority } from "../egress/run-authority.ts";

const loopback = "127.0.0.1";

/** Names that lead to this machine, as no setting of the product allows. */
export const loopbackResolver: ResolverOptions = {
  lookup: () => Promise.resolve([{ address: loopback, family: 4 }]),
  isAllowedAddress: (address) => address === loopback,
};

type Handle = (request: IncomingMessage, response: ServerResponse) => unknown;

export type Upstream = { port: number; requests: string[]; server: Server };
export type Answer = { status: number; body: string; headers: IncomingMessage["headers"] };
export type ProxyChanges = {
  secrets?: readonly BoundSecret[];
  limits?: Partial<EgressLimits>;
  resolver?: ResolverOptions;
  bytes?: StepBytes;
  /** Default: there is one. */
  canInspect?: boolean;
};

/** A record as one line: decision, method, host with path, reason, count. */
export function describeRecord({ decision, method, host, path = "", reason, count }: EgressRecord): string {
  return `${decision} ${method} ${host}${path} ${reason ?? ""} x${count}`.replaceAll(/ +/gu, " ");
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, loopback, resolve));
  return (server.address() as AddressInfo).port;
}

async function readAll(stream: AsyncIterable<unknown>): Promise<string> {
  let text = "";
  try {
    for await (const chunk of stream) text += String(chunk);
  } catch {
    return `${text}[cut]`;
  }
  return text;
}

/** A proxy on a port of this machine. */
export class TestProxy {
  readonly proxy: EgressProxy;
  readonly port: number;

  constructor(proxy: EgressProxy, port: number) {
    this.proxy = proxy;
    this.port = port;
  }

  get auth(): Record<string, string> {
    return { "proxy-authorization": `Basic ${Buffer.from(`run:${this.proxy.token}`).toString("base64")}` };
  }

  /** Decisions, one line each, without what every one has. */
  log(): string[] {
    return this.proxy.records().map(describeRecord);
  }

  /** One request in the absolute form; `headers` may replace the password. */
  send(
    url: string,
    options: { method?: string; headers?: Record<string, string>; body?: string; chunked?: boolean } = {},
  ): Promise<Answer> {
    const { method = "GET", body = "", chunked = false } = options;
    const length =
      body === ""
        ? {}
        : chunked
          ? { "transfer-encoding": "chunked" }
          : { "content-length": String(Buffer.byteLength(body)) };
    const headers = { host: "whatever.example", ...this.auth, ...length, ...options.headers };
    return new Promise((resolve, reject) => {
      const sent = request(
        { host: loopback, port: this.port, method, path: url, headers, agent: false, setHost: false },
        (answer) => {
          void readAll(answer).then((text) =>
            resolve({ status: answer.statusCode ?? 0, body: text, headers: answer.headers }),
          );
        },
      );
      sent.on("error", reject);
      sent.end(body);
    });
  }

  /** Opens a tunnel; `socket` is there only when the proxy said 200. */
  tunnel(
    authority: string,
    headers: Record<string, string> = this.auth,
  ): Promise<{ status: number; body: string; socket?: Socket }> {
    return new Promise((resolve, reject) => {
      const sent = request({
        host: loopback,
        port: this.port,
        method: "CONNECT",
        path: authority,
        headers,
        agent: false,
      });
      sent.on("connect", (answer, socket, head) => {
        const status = answer.statusCode ?? 0;
        if (status === 200) resolve({ status, body: "", socket });
        else void readAll(socket).then((rest) => resolve({ status, body: head.toString() + rest }));
      });
      sent.on("error", reject);
      sent.end();
    });
  }

  /** Bytes as they are; gives everything that came back until the connection ended. */
  raw(text: string): Promise<string> {
    const socket = connect(this.port, loopback);
    socket.write(text);
    return readAll(socket);
  }
}

/** Sends an HTTP/1.1 request over a connection and gives everything that comes back. */
export async function speak(socket: Socket, lines: readonly string[]): Promise<string> {
  socket.write([...lines, "connection: close", "", ""].join("\r\n"));
  return readAll(socket);
}

/** TLS over a tunnel, trusting what is given alone. */
export function secureOver(socket: Socket, servername: string, ca: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const secured = connectTls({ socket, servername, ca }, () => resolve(secured));
    secured.on("error", reject);
  });
}

export class EgressWorld {
  readonly #closing: (() => void)[] = [];
  /** Vouches for the test's own https servers. */
  readonly outside: Promise<RunAuthority> = createRunAuthority(Date.now());
  /** Vouches for the proxy. */
  readonly inside: Promise<RunAuthority> = createRunAuthority(Date.now());

  /** A real server; `requests` lists what reached it. */
  async upstream(handle: Handle = (_request, response) => response.end("hello")): Promise<Upstream> {
    return this.#serve((listener) => createHttpServer(listener), handle);
  }

  async secureUpstream(
    host: string,
    handle: Handle = (_request, response) => response.end("hello"),
  ): Promise<Upstream> {
    const context = await (await this.outside).contextFor(host);
    return this.#serve(
      (listener) => createHttpsServer({ SNICallback: (_name, done) => done(null, context) }, listener),
      handle,
    );
  }

  async #serve(create: (listener: RequestListener) => Server, handle: Handle): Promise<Upstream> {
    const requests: string[] = [];
    const server = create((request, response) => {
      requests.push(`${request.method} ${request.url} ${request.headers.host}`);
      void Promise.resolve(handle(request, response));
    });
    const port = await listen(server);
    this.#closing.push(() => {
      server.close();
      if ("closeAllConnections" in server) (server as unknown as { closeAllConnections(): void }).closeAllConnections();
    });
    return { port, requests, server };
  }

  async proxy(entries: readonly string[], changes: ProxyChanges = {}): Promise<TestProxy> {
    const {
      secrets = [],
      limits = {},
      resolver = loopbackResolver,
      bytes = { up: 0, down: 0 },
      canInspect = true,
    } = changes;
    const proxy = new EgressProxy({
      rules: readEgressRules(entries),
      secrets,
      bytes,
      limits: { ...egressLimits, ...limits },
      resolver,
      authority: canInspect ? await this.inside : undefined,
      upstreamCa: [(await this.outside).certificate],
    });
    const listener = createNetServer();
    const port = await listen(listener);
    await proxy.serve(listener);
    this.#closing.push(() => proxy.close());
    return new TestProxy(proxy, port);
  }

  close(): void {
    for (const close of this.#closing.splice(0)) close();
  }
}
