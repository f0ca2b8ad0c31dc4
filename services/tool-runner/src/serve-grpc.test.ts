// What only exists between two processes: broken streams, raw clients, the standard health service.
import { once } from "node:events";
import { statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError, unreachableReason } from "@ossaat/contracts";
import type { ToolEvent, ToolRunnerHealth, ToolService, WorkspaceService } from "@ossaat/contracts";
import { connectGrpc } from "@ossaat/contracts/grpc";
import type { GrpcConnection, GrpcServer } from "@ossaat/contracts/grpc";
import { AgentServiceDefinition } from "@ossaat/contracts/proto/agent";
import { HealthCheckResponse_ServingStatus, HealthDefinition } from "@ossaat/contracts/proto/health";
import { afterAll, afterEach, describe, expect, it } from "vitest";

import { toWireInvocation } from "./grpc/wire-tool.ts";
import { connectToolRunner } from "./grpc-client.ts";
import type { ToolRunnerClient } from "./grpc-client.ts";
import { serveToolRunner } from "./serve-grpc.ts";
import { collectEvents, makeInvocation } from "./testing/open-runner.ts";
import { makeTempDir } from "./testing/temp-dir.ts";

const dir = makeTempDir();
afterAll(() => dir.remove());

const at = "2026-01-01T00:00:00.000Z";
const running: ToolEvent = { seq: 1, state: "running", occurredAt: at };
const done: ToolEvent = { seq: 2, state: "completed", occurredAt: at, summary: "done", output: { text: "done" } };
const serving: ToolRunnerHealth = { status: "serving", sandbox: { driver: "none", detail: "for a test" } };
const workspaces = {} as WorkspaceService;
const invocation = makeInvocation("run_command", { argv: ["true"] });

/** A runner whose calls give what a test says; cancelled ids are kept. */
function scripted(execute: ToolService["execute"]) {
  const cancelled: string[] = [];
  const tools: ToolService = {
    execute,
    cancel: (id) => Promise.resolve(void cancelled.push(id)),
    health: () => Promise.resolve(serving),
  };
  return { tools, cancelled };
}

const open: { server?: GrpcServer; client?: ToolRunnerClient; raw?: GrpcConnection } = {};
let count = 0;

async function serve(tools: ToolService, detachGraceMs?: number) {
  count += 1;
  const warnings: string[] = [];
  const log = { warn: (_fields: object, message: string) => void warnings.push(message) };
  const grace = detachGraceMs === undefined ? {} : { detachGraceMs };
  const server = await serveToolRunner({
    tools,
    workspaces,
    address: `unix:${dir.at(`${count}.sock`)}`,
    log,
    ...grace,
  });
  const client = connectToolRunner(server.address);
  const raw = connectGrpc(server.address);
  Object.assign(open, { server, client, raw });
  return { server, client, raw, agent: raw.client(AgentServiceDefinition), warnings };
}

afterEach(async () => {
  open.client?.close();
  open.raw?.close();
  await open.server?.close(0);
});

async function refusal(work: Promise<unknown>): Promise<AgentError> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(AgentError);
  return thrown as AgentError;
}

/** A loopback port in front of a socket, whose connections can be cut. */
async function breakableLine(path: string): Promise<{ address: string; break(): void }> {
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = connect(path);
    sockets.push(near, far);
    for (const socket of [near, far]) socket.on("error", () => socket.destroy());
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    break() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 200 && !isTrue(); attempt += 1) await sleep(10);
  expect(isTrue()).toBe(true);
}

describe("a stream", () => {
  it("that ends without a terminal event is tool_failed", async () => {
    const { client } = await serve(
      scripted(async function* () {
        yield running;
      }).tools,
    );
    const error = await refusal(collectEvents(client.tools.execute(invocation)));
    expect([error.code, error.isRetryable]).toEqual(["tool_failed", true]);
  });

  it("gives nothing after its terminal event", async () => {
    const { client } = await serve(
      scripted(async function* () {
        yield running;
        yield done;
        yield { ...running, seq: 3 };
      }).tools,
    );
    expect(await collectEvents(client.tools.execute(invocation))).toEqual([running, done]);
  });

  it("that fails in a way nobody foresaw says nothing of it, and the log all", async () => {
    const { client, warnings } = await serve(
      scripted(async function* () {
        await Promise.reject(new Error("secret /path"));
        yield done;
      }).tools,
    );
    const error = await refusal(collectEvents(client.tools.execute(invocation)));
    expect([error.code, error.message]).toEqual(["internal", "An unexpected error occurred; see the server's log."]);
    expect(warnings).toEqual(["A call failed in a way nobody foresaw."]);
  });

  it("keeps details that are too large for a trailer to itself", async () => {
    const { client } = await serve(
      scripted(async function* () {
        await Promise.reject(new AgentError("conflict", "ü".repeat(5_000), { details: { big: "x".repeat(10_000) } }));
        yield done;
      }).tools,
    );
    const error = await refusal(collectEvents(client.tools.execute(invocation)));
    expect([error.code, error.details, error.message.length]).toEqual(["conflict", {}, 2_000]);
  });

  /** A call that goes on until somebody cancels it. */
  function endless() {
    const ended = Promise.withResolvers<void>();
    const { tools, cancelled } = scripted(async function* () {
      yield running;
      await ended.promise;
      yield done;
    });
    return { tools, cancelled, end: () => ended.resolve() };
  }

  it("whose reader is gone is cancelled after a while", async () => {
    const { tools, cancelled, end } = endless();
    const { client } = await serve(tools, 30);
    for await (const event of client.tools.execute(invocation)) if (event.state === "running") break;
    await until(() => cancelled.length > 0);
    expect(cancelled).toEqual([invocation.invocationId]);
    end();
  });

  it("whose connection broke is cancelled after a while, too", async () => {
    const { tools, cancelled, end } = endless();
    const { server } = await serve(tools, 30);
    const line = await breakableLine(server.address.slice("unix:".length));
    const client = connectToolRunner(line.address);
    const events = client.tools.execute(invocation)[Symbol.asyncIterator]();
    await events.next();
    line.break();
    expect((await refusal(events.next())).code).toBe("unavailable");
    await until(() => cancelled.length > 0);
    end();
    client.close();
  });

  it("and a single answer that a stop cuts are out of reach, not cancelled", async () => {
    const { tools, end } = endless();
    const { server, client, agent } = await serve(tools);
    const events = client.tools.execute(invocation)[Symbol.asyncIterator]();
    await events.next();
    const single = refusal(agent.executeTool({ invocation: toWireInvocation(invocation) }));
    const rest = refusal(events.next());
    await server.close(50);
    for (const { code, details } of [await rest, await single]) {
      expect([code, details]).toEqual(["unavailable", { reason: unreachableReason }]);
    }
    end();
  });

  it("whose reader comes back in time goes on", async () => {
    const { tools, cancelled, end } = endless();
    const { client } = await serve(tools, 200);
    for await (const event of client.tools.execute(invocation)) if (event.state === "running") break;
    const again = client.tools.execute({ ...invocation, afterSeq: 1 })[Symbol.asyncIterator]();
    await again.next();
    await sleep(300);
    expect(cancelled).toEqual([]);
    end();
    expect((await again.next()).value).toEqual(done);
  });
});

describe("a simple client", () => {
  it("gets all events at the end, with their names", async () => {
    const { agent } = await serve(
      scripted(async function* () {
        yield running;
        yield done;
      }).tools,
    );
    const { events } = await agent.executeTool({ invocation: toWireInvocation(invocation) });
    const names = { invocationId: invocation.invocationId, planId: invocation.planId, stepId: invocation.stepId };
    expect(events).toMatchObject([
      { ...names, seq: 1, state: "running", outputJson: "" },
      { ...names, seq: 2, state: "completed", summary: "done", outputJson: '{"text":"done"}' },
    ]);
  });

  it("ends the call by cancelling its own", async () => {
    let seen: AbortSignal | undefined;
    const { agent } = await serve(
      scripted(async function* (_call, options) {
        seen = options?.signal;
        yield running;
        await new Promise((resolve) => seen?.addEventListener("abort", resolve));
        yield done;
      }).tools,
    );
    const abort = new AbortController();
    const call = agent.executeTool({ invocation: toWireInvocation(invocation) }, { signal: abort.signal });
    const refused = refusal(call);
    await until(() => seen !== undefined);
    abort.abort();
    expect((await refused).code).toBe("cancelled");
    await until(() => seen?.aborted === true);
  });

  it.each([
    ["no invocation", {}],
    ["an empty invocation", { invocation: {} }],
    ["an envelope that is no JSON", { invocation: { ...toWireInvocation(invocation), envelopeJson: "{" } }],
    ["an envelope that is none", { invocation: { ...toWireInvocation(invocation), envelopeJson: '{"tools":"all"}' } }],
  ])("is refused with %s", async (_name, request) => {
    const { agent } = await serve(
      scripted(async function* () {
        yield done;
      }).tools,
    );
    expect((await refusal(agent.executeTool(request))).code).toBe("invalid_input");
  });

  it("is refused with a message over 4 MiB, and the server goes on", async () => {
    const { agent } = await serve(
      scripted(async function* () {
        yield done;
      }).tools,
    );
    const large = { ...toWireInvocation(invocation), inputJson: "x".repeat(5_000_000) };
    expect((await refusal(agent.executeTool({ invocation: large }))).code).toBe("limit_exceeded");
    expect((await agent.executeTool({ invocation: toWireInvocation(invocation) })).events).toHaveLength(1);
  });

  it("cannot harm the server with bytes that are no HTTP/2", async () => {
    const { agent, server } = await serve(
      scripted(async function* () {
        yield done;
      }).tools,
    );
    const socket = connect(server.address.slice("unix:".length));
    socket.on("error", () => undefined);
    socket.write(Buffer.alloc(100_000, 0xff));
    socket.resume();
    await Promise.race([once(socket, "close"), sleep(300)]);
    socket.destroy();
    expect(await agent.health({})).toMatchObject({ status: "serving" });
  });
});

describe("health", () => {
  it("is told by the standard service", async () => {
    let health = serving;
    const { tools } = scripted(async function* () {
      yield done;
    });
    const { raw } = await serve({ ...tools, health: () => Promise.resolve(health) });
    const client = raw.client(HealthDefinition);
    const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;
    for (const service of ["", "agent.v1.AgentService", "agent.v1.WorkspaceService"]) {
      expect(await client.check({ service })).toEqual({ status: SERVING });
    }
    for await (const { status } of client.watch({ service: "" })) {
      expect(status).toBe(SERVING);
      break;
    }
    health = { status: "not_serving", sandbox: { driver: "unavailable", detail: "no bwrap", fix: "install it" } };
    expect(await client.check({ service: "" })).toEqual({ status: NOT_SERVING });
    expect((await refusal(client.check({ service: "other.v1.Service" }))).code).toBe("not_found");
    expect(await open.client?.tools.health()).toEqual(health);
  });
});

describe("the address", () => {
  const { tools } = scripted(async function* () {
    yield done;
  });
  const log = { warn: () => undefined };

  it("is a socket for its owner alone; one left by a killed server is replaced, a living one is not", async () => {
    const { server } = await serve(tools);
    const path = server.address.slice("unix:".length);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect((await refusal(serveToolRunner({ tools, workspaces, address: server.address, log }))).code).toBe("conflict");
    writeFileSync(dir.at("file"), "not a socket");
    const file = serveToolRunner({ tools, workspaces, address: `unix:${dir.at("file")}`, log });
    expect((await refusal(file)).code).toBe("unavailable");
  });

  it("is never open to others, not even while the socket is made, in a folder that is made for its owner", async () => {
    const path = dir.at("new-folder/runner.sock");
    const before = process.umask();
    const starting = serveToolRunner({ tools, workspaces, address: `unix:${path}`, log });
    const modes = new Set<number>();
    for (let turn = 0; turn < 50; turn += 1) {
      const stats = statSync(path, { throwIfNoEntry: false });
      if (stats !== undefined) modes.add(stats.mode & 0o077);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const server = await starting;
    modes.add(statSync(path).mode & 0o077);
    expect([[...modes], statSync(dir.at("new-folder")).mode & 0o777, process.umask()]).toEqual([[0], 0o700, before]);
    await server.close(0);
  });

  it("may be a loopback port, where every call brings the token", async () => {
    const address = "127.0.0.1:0";
    expect(await refusal(serveToolRunner({ tools, workspaces, address, log }))).toMatchObject({
      code: "invalid_input",
      message: expect.stringContaining("needs a token"),
    });
    expect((await refusal(serveToolRunner({ tools, workspaces, address, log, token: "short" }))).code).toBe(
      "invalid_input",
    );
    const token = "0123456789abcdef".repeat(2);
    const server = await serveToolRunner({ tools, workspaces, address, log, token });
    expect(server.address).toMatch(/^127\.0\.0\.1:\d{2,5}$/u);
    const known = connectToolRunner(server.address, { token });
    expect(await known.tools.health()).toEqual(serving);
    expect((await collectEvents(known.tools.execute(invocation))).at(-1)).toMatchObject({ state: "completed" });
    known.close();
    for (const wrong of [{}, { token: token.replace("0", "1") }, { token: `${token}0` }]) {
      const stranger = connectToolRunner(server.address, wrong);
      expect((await refusal(stranger.tools.health())).code).toBe("unauthenticated");
      expect((await refusal(collectEvents(stranger.tools.execute(invocation)))).code).toBe("unauthenticated");
      stranger.close();
    }
    const probe = connectGrpc(server.address);
    expect(await probe.client(HealthDefinition).check({ service: "" })).toEqual({
      status: HealthCheckResponse_ServingStatus.SERVING,
    });
    probe.close();
    await server.close(0);
  });

  it.each([
    "0.0.0.0:7071",
    "10.0.0.1:80",
    "example.org:443",
    "127.0.0.1.example.org:80",
    "unix:relative",
    "127.0.0.1:99999",
    "",
  ])("off this machine is refused, because nothing encrypts it: %j", async (address) => {
    expect((await refusal(serveToolRunner({ tools, workspaces, address, log }))).code).toBe("invalid_input");
    expect(() => connectToolRunner(address)).toThrow(AgentError);
  });

  it("where nobody listens is unavailable", async () => {
    const client = connectToolRunner(`unix:${dir.at("nobody.sock")}`);
    expect((await refusal(client.tools.health())).code).toBe("unavailable");
    expect((await refusal(collectEvents(client.tools.execute(invocation)))).code).toBe("unavailable");
    client.close();
  });
});
