// The gateway before replicas that answer, refuse, break off and come back.
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";

import { AgentError } from "@ossaat/contracts";
import { startTracing, traceRequests } from "@ossaat/telemetry";
import express from "express";
import type { NextFunction, Request, Response } from "express";
import { afterEach, expect, it } from "vitest";

import { createReplicaProxy } from "./replica-proxy.ts";

const servers: Server[] = [];
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function listen(handler: RequestListener): Promise<string> {
  const server = createServer(handler);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An origin nobody listens on. */
async function nobody(): Promise<string> {
  const origin = await listen(() => undefined);
  servers.pop()?.close();
  return origin;
}

async function gateway(...replicas: string[]) {
  // A look finds out what a case is about only where the case asks for it.
  const limits = { lookMs: 3_600_000, firstByteMs: 300, silentMs: 300 };
  const proxy = createReplicaProxy({ replicas, log: { warn: () => undefined }, limits });
  closers.push(() => proxy.close());
  const app = express();
  app.use((_request, response, next) => {
    response.setHeader("x-request-id", "of-the-gateway");
    next();
  });
  app.use(traceRequests([]));
  app.use(proxy.forward);
  app.use((thrown: unknown, _request: Request, response: Response, _next: NextFunction) => {
    response.status(503).end(AgentError.from(thrown).code);
  });
  return { url: await listen(app), proxy };
}

const named =
  (name: string): RequestListener =>
  (request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      response.setHeader("x-request-id", "of-the-replica");
      response.end(`${name} ${request.method} ${request.url} ${Buffer.concat(parts).toString()}`);
    });
  };

it("asks replicas in turn and hands on method, path, body and answer", async () => {
  const { url } = await gateway(await listen(named("a")), await listen(named("b")));
  const texts: string[] = [];
  for (let n = 0; n < 4; n += 1) {
    const answer = await fetch(`${url}/plans?x=1`, { method: "POST", body: `body ${n}` });
    expect(answer.headers.get("x-request-id")).toBe("of-the-gateway");
    texts.push(await answer.text());
  }
  expect(texts.map((text) => text.slice(2)).sort()).toEqual([0, 1, 2, 3].map((n) => `POST /plans?x=1 body ${n}`));
  expect(texts.map((text) => text.slice(0, 1)).sort()).toEqual(["a", "a", "b", "b"]);
});

it("passes over a replica that is away; without any it is unavailable", async () => {
  const { url, proxy } = await gateway(await nobody(), await listen(named("b")));
  for (let n = 0; n < 3; n += 1) {
    expect(await (await fetch(`${url}/x`, { method: "POST", body: "y" })).text()).toBe("b POST /x y");
  }
  await expect(proxy.ready()).resolves.toBeUndefined();
  const none = await gateway(await nobody(), await nobody());
  const answer = await fetch(`${none.url}/x`);
  expect([answer.status, await answer.text()]).toEqual([503, "unavailable"]);
  await expect(none.proxy.ready()).rejects.toMatchObject({ code: "unavailable" });
});

it("asks twice only what may be asked twice", async () => {
  const asked: string[] = [];
  const breaking = await listen((request) => {
    asked.push(`${request.method}`);
    request.socket.destroy();
  });
  const { url } = await gateway(breaking, breaking);
  const post = (headers: Record<string, string>) => fetch(`${url}/plans`, { method: "POST", headers, body: "{}" });
  expect([(await post({})).status, asked.splice(0)]).toEqual([503, ["POST"]]);
  const key = { "idempotency-key": "k" };
  expect([(await post(key)).status, asked.splice(0)]).toEqual([503, ["POST", "POST"]]);
  // Nobody remembers the key of another command.
  const retry = await fetch(`${url}/plans/p/retry`, { method: "POST", headers: key, body: "{}" });
  expect([retry.status, asked.splice(0)]).toEqual([503, ["POST"]]);
  expect([(await fetch(`${url}/plans`)).status, asked.splice(0)]).toEqual([503, ["GET", "GET"]]);
});

it("breaks a stream whose replica breaks, so that its reader notices", async () => {
  const { url } = await gateway(
    await listen((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("id: 1\n\n");
      setTimeout(() => response.destroy(), 20);
    }),
  );
  const answer = await fetch(`${url}/events`);
  const reader = answer.body!.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("id: 1\n\n");
  await expect(reader.read()).rejects.toThrow("terminated");
});

it("refuses a body that is too large before any replica hears of it", async () => {
  const { url } = await gateway(await listen(named("a")));
  const answer = await fetch(`${url}/plans`, { method: "POST", body: "x".repeat(1024 * 1024 + 1) });
  expect(await answer.text()).toBe("limit_exceeded");
});

/** Takes connections and requests and never says a word, as a process that was stopped. */
const silent: RequestListener = () => undefined;

it("passes over a replica that takes a request and is silent, where asking twice does no harm", async () => {
  const { url } = await gateway(await listen(silent), await listen(named("live")));
  for (let n = 0; n < 4; n += 1) expect(await (await fetch(`${url}/x`)).text()).toBe("live GET /x ");
  const keyed = { method: "POST", headers: { "idempotency-key": "k" }, body: "y" };
  for (let n = 0; n < 2; n += 1) expect(await (await fetch(`${url}/plans`, keyed)).text()).toBe("live POST /plans y");
  const once: string[] = [];
  for (let n = 0; n < 2; n += 1) once.push(await (await fetch(`${url}/x`, { method: "POST", body: "y" })).text());
  expect(once.toSorted()).toEqual(["live POST /x y", "unavailable"]);
});

it("asks no replica that a look found silent or not ready, as long as another one is ready", async () => {
  let isReady = false;
  const asked: string[] = [];
  const draining: RequestListener = (request, response) => {
    if (request.url !== "/readyz") asked.push(`${request.method}`);
    response.writeHead(isReady ? 200 : 503).end("draining");
  };
  const { url, proxy } = await gateway(await listen(draining), await listen(named("live")));
  const post = async () => (await fetch(`${url}/x`, { method: "POST", body: "y" })).text();
  await proxy.ready();
  expect([await post(), await post()]).toEqual(["live POST /x y", "live POST /x y"]);
  expect(asked).toEqual([]);
  isReady = true;
  await proxy.ready();
  expect([await post(), await post()].toSorted()).toEqual(["draining", "live POST /x y"]);
});

it("asks another replica when one says that it takes nothing now, and hands on what the last one says", async () => {
  const busy: RequestListener = (_request, response) => void response.writeHead(503).end("busy");
  const { url } = await gateway(await listen(busy), await listen(named("live")));
  for (let n = 0; n < 2; n += 1) expect(await (await fetch(`${url}/x`)).text()).toBe("live GET /x ");
  const alone = await gateway(await listen(busy), await listen(busy));
  const answer = await fetch(`${alone.url}/x`);
  expect([answer.status, await answer.text()]).toEqual([503, "busy"]);
});

it("looks by itself, and ends a stream that no byte comes of", async () => {
  const looked = Promise.withResolvers<void>();
  const origin = await listen((request, response) => {
    response.writeHead(200);
    if (request.url === "/readyz") {
      looked.resolve();
      response.end();
      return;
    }
    response.write(": here\n\n");
  });
  const limits = { lookMs: 20, silentMs: 100 };
  const proxy = createReplicaProxy({ replicas: [origin], log: { warn: () => undefined }, limits });
  closers.push(() => proxy.close());
  await looked.promise;
  const answer = await fetch(await listen(express().use(proxy.forward)));
  const reader = answer.body!.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe(": here\n\n");
  await expect(reader.read()).rejects.toThrow("terminated");
});

it("ends streams when it drains, whole up to there, and is not ready any more", async () => {
  const { url, proxy } = await gateway(
    await listen((request, response) => {
      if (request.url === "/readyz") return void response.end();
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("id: 1\n\n");
    }),
  );
  const answer = await fetch(`${url}/events`);
  proxy.drain();
  expect(await answer.text()).toBe("id: 1\n\n");
  await expect(proxy.ready()).rejects.toMatchObject({ code: "unavailable" });
});

it("streams an archive of any size to one replica, and asks no other when that one breaks", async () => {
  const archive = Buffer.alloc(3 * 1024 * 1024, "a");
  const sent = { method: "POST", headers: { "content-type": "application/x-tar" }, body: archive };
  const counting: RequestListener = (request, response) => {
    let bytes = 0;
    request.on("data", (part: Buffer) => (bytes += part.length));
    request.on("end", () => response.end(`${bytes} bytes`));
  };
  const { url } = await gateway(await listen(counting));
  expect(await (await fetch(`${url}/plans/import`, sent)).text()).toBe(`${archive.length} bytes`);
  const asked: string[] = [];
  const breaking: RequestListener = (request) => {
    asked.push(`${request.method}`);
    request.once("data", () => request.socket.destroy());
  };
  const broken = await gateway(await listen(breaking), await listen(breaking));
  const answer = await fetch(`${broken.url}/plans/import`, sent);
  expect([answer.status, asked]).toEqual([503, ["POST"]]);
  const refusing = await gateway(await listen((_request, response) => void response.writeHead(401).end("no")));
  expect((await fetch(`${refusing.url}/plans/import`, sent)).status).toBe(401);
});

it("hands its own span on in place of the caller's, and the caller's as it came while nothing is traced", async () => {
  const caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const { url } = await gateway(await listen((request, response) => response.end(request.headers["traceparent"])));
  const handed = async () => (await fetch(url, { headers: { traceparent: caller } })).text();
  expect(await handed()).toBe(caller);
  const tracing = await startTracing({ serviceName: "gateway", version: "1", traceFile: "/dev/null" });
  closers.push(() => void tracing.shutdown());
  const [, traceId, spanId] = (await handed()).split("-");
  expect([traceId, spanId === "b7ad6b7169203331"]).toEqual([caller.split("-")[1], false]);
  await tracing.shutdown();
});
