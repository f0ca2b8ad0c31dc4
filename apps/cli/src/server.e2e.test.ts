// The embedded server from outside: one owner, loopback only, its token, and its end when idle.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { readExposition } from "@ossaat/telemetry/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { folderOwnedExitCode, serverEntry } from "./server/start-server.ts";
import { makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";

let cli: Cli;
let server: { url: string; token: string; pid: number };

beforeAll(async () => {
  cli = await createCli();
  const up = await cli.json(cli.folder, ["up", "--detach"]);
  expect(up.code, up.stderr).toBe(0);
  server = JSON.parse(readFileSync(path.join(cli.stateDir, "server.json"), "utf8")) as typeof server;
});

afterAll(() => cli.close());

const authorized = () => ({ authorization: `Bearer ${server.token}` });

/** fetch forbids setting Host; a raw request does not. */
async function statusWith(headers: Record<string, string>): Promise<number> {
  const { request } = await import("node:http");
  return new Promise((resolve, reject) => {
    const sent = request(`${server.url}/plans`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on("error", reject);
    sent.end();
  });
}

describe("the edge", () => {
  test("listens on loopback and keeps its token in a file of the owner's", () => {
    expect(new URL(server.url).hostname).toBe("127.0.0.1");
    expect(statSync(path.join(cli.stateDir, "server.json")).mode & 0o777).toBe(0o600);
  });

  test.each([
    ["no token", {}, 401],
    ["a wrong token", { authorization: "Bearer nope" }, 401],
    ["a foreign Host", { host: "evil.example" }, 403],
    ["a foreign Origin", { origin: "http://evil.example" }, 403],
  ])("refuses %s", async (name, headers, status) => {
    const full = name.includes("token") ? headers : { ...authorized(), ...headers };
    expect(await statusWith(full as Record<string, string>)).toBe(status);
  });

  test("answers health without a token, and everything with ids", async () => {
    for (const route of ["/healthz", "/readyz"]) {
      const response = await fetch(`${server.url}${route}`);
      expect(response.status).toBe(200);
      expect(response.headers.get("x-request-id")).toMatch(/./);
      expect(response.headers.get("x-trace-id")).toMatch(/^[0-9a-f]{32}$/);
    }
  });

  test("answers scrapes of who brings the token: of the database, of the process, and nothing of what it works on", async () => {
    const response = await fetch(`${server.url}/metrics`, { headers: authorized() });
    expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/u);
    const text = await response.text();
    const read = readExposition(text);
    const pool = { pool: "default" };
    expect({
      store: read.value("ossaat_store_up"),
      queue: read.value("ossaat_queue_up"),
      ready: read.value("ossaat_jobs_ready", pool),
      free: read.value("ossaat_slots", { ...pool, state: "free" }),
    }).toEqual({ store: 1, queue: 1, ready: 0, free: 4 });
    expect(read.sum("ossaat_http_request_seconds_count")).toBeGreaterThan(0);
    expect(text).not.toContain(server.token);
    expect(text).not.toContain(cli.folder);
  });

  test("describes itself: every route of the OpenAPI document is served", async () => {
    const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as Json;
    expect(document.openapi).toMatch(/^3\./);
    for (const [route, methods] of Object.entries<Json>(document.paths)) {
      for (const method of Object.keys(methods)) {
        const url = `${server.url}${route.replaceAll(/\{[^}]+\}/g, "plan-00000000")}`;
        const init: RequestInit = { method: method.toUpperCase(), headers: authorized() };
        const text = await (await fetch(url, init)).text();
        expect(`${method} ${route} ${text}`).not.toMatch(/There is no (?:GET|POST|PUT)/u);
      }
    }
  });

  test("answers bad bodies with the error envelope and stays up", async () => {
    const post = async (body: string | Buffer, type = "application/json") => {
      const headers = { ...authorized(), "content-type": type };
      const response = await fetch(`${server.url}/plans`, { method: "POST", headers, body: body as string });
      return { status: response.status, body: (await response.json()) as Json };
    };
    expect(await post("{ nope")).toMatchObject({ status: 400, body: { code: "invalid_input" } });
    expect(await post('{"goal":"x","repository":{"path":"/"},"sudo":true}')).toMatchObject({ status: 400 });
    expect(await post(JSON.stringify({ goal: "x".repeat(2_000_000) }))).toMatchObject({ status: 413 });
    expect(await post(`${"[".repeat(100_000)}${"]".repeat(100_000)}`)).toMatchObject({ status: 400 });
    expect(await post("plain", "text/plain")).toMatchObject({ status: 400 });
    expect(await post('{"__proto__":{"goal":"x"}}')).toMatchObject({ status: 400 });
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });

  test("refuses an event number that is none", async () => {
    const url = `${server.url}/plans/plan-00000000/events?lastEventId=-1`;
    const response = await fetch(url, { headers: authorized() });
    expect([400, 404]).toContain(response.status);
  });
});

describe("one owner", () => {
  function startSecond(
    env: Record<string, string>,
    args: string[] = [],
  ): Promise<{ code: number | null; text: string }> {
    return new Promise((resolve) => {
      const child = spawn(process.execPath, [serverEntry(), ...args], {
        env: { ...process.env, HOME: cli.folder, ...env },
      });
      let text = "";
      child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
      child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
      child.on("close", (code) => resolve({ code, text }));
    });
  }

  test("a second server on the same state folder is refused and says what to do", async () => {
    const { code, text } = await startSecond({ OSSAAT_STATE_DIR: cli.stateDir });
    expect(code).toBe(folderOwnedExitCode);
    expect(text).toContain("Next:");
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });

  test("a port that is taken is named", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as AddressInfo;
    try {
      const other = path.join(cli.folder, "other");
      const { code, text } = await startSecond({ OSSAAT_STATE_DIR: other }, ["--port", String(port)]);
      expect(code).toBe(1);
      expect(text).toContain(`Port ${port} is in use`);
    } finally {
      taken.close();
    }
  });
});

describe("a stranger on the port of a server that is gone", () => {
  test("is sent no token, trusted with nothing and never stopped", async () => {
    const own = await createCli();
    const seen: string[] = [];
    const stranger = createServer((request, response) => {
      seen.push(`${request.method} ${request.url?.split("?")[0]} ${request.headers.authorization ?? "-"}`);
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ status: "ok", proof: "00", pid: process.pid, schemaVersion: 1 }));
    });
    await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
    const { port } = stranger.address() as AddressInfo;
    const file = { schemaVersion: 1, url: `http://127.0.0.1:${port}`, token: "old-token", pid: process.pid };
    mkdirSync(own.stateDir, { recursive: true });
    writeFileSync(
      path.join(own.stateDir, "server.json"),
      JSON.stringify({ ...file, version: "0.1.0", startedAt: "2026-01-01T00:00:00Z", settingProofs: {} }),
    );
    try {
      expect((await own.json(own.folder, ["down"])).value).toEqual({ schemaVersion: 1, stopped: false });
      expect((await own.json(own.folder, ["runs", "--all"])).code).toBe(0);
      expect(new Set(seen)).toEqual(new Set(["GET /healthz -"]));
    } finally {
      stranger.close();
      await own.close();
    }
  });
});

describe("a server that lives but does not answer", () => {
  test("is named by every command, and stopped by down", async () => {
    const own = await createCli();
    try {
      expect((await own.json(own.folder, ["runs", "--all"])).code).toBe(0);
      const pid = (await own.serverPid()) ?? 0;
      process.kill(pid, "SIGSTOP");
      const said = `The server (pid ${pid}) lives but does not answer.`;
      for (const words of [["runs", "--all"], ["status"]]) {
        const result = await own.run(own.folder, words);
        expect([result.code, result.stderr]).toEqual([7, expect.stringContaining(said)]);
        expect(result.stderr).toContain("ossaat down");
      }
      const { findings } = (await own.json(own.folder, ["doctor"])).value;
      expect(findings).toContainEqual(
        expect.objectContaining({ id: "server", status: "fail", message: said, next: "ossaat down" }),
      );
      expect((await own.json(own.folder, ["down"])).value).toEqual({ schemaVersion: 1, stopped: true });
      expect(await own.serverPid()).toBeUndefined();
      expect((await own.json(own.folder, ["runs", "--all"])).code).toBe(0);
    } finally {
      await own.close();
    }
  });

  test("is stopped by down, too, when it answers again while that looks for it", async () => {
    const own = await createCli();
    try {
      expect((await own.json(own.folder, ["runs", "--all"])).code).toBe(0);
      const pid = (await own.serverPid()) ?? 0;
      process.kill(pid, "SIGSTOP");
      const down = own.json(own.folder, ["down"]);
      // Past the first question, which a server has two seconds to answer, and before the end of the second.
      await sleep(3_000);
      process.kill(pid, "SIGCONT");
      expect((await down).value).toEqual({ schemaVersion: 1, stopped: true });
      expect(await own.serverPid()).toBeUndefined();
    } finally {
      await own.close();
    }
  });

  test("is not taken for another process that has its pid now", async () => {
    const own = await createCli();
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    mkdirSync(own.stateDir, { recursive: true });
    const file = { schemaVersion: 1, url: `http://127.0.0.1:${port}`, token: "old", pid: process.pid };
    const text = { ...file, processStart: "1", version: "0.1.0", startedAt: "2026-01-01T00:00:00Z", settingProofs: {} };
    writeFileSync(path.join(own.stateDir, "server.json"), JSON.stringify(text));
    try {
      expect((await own.json(own.folder, ["down"])).value).toEqual({ schemaVersion: 1, stopped: false });
    } finally {
      silent.closeAllConnections();
      silent.close();
      await own.close();
    }
  });
});

describe("a cache folder that cannot be made", () => {
  test("is named, before a server is started", async () => {
    const own = await createCli({ XDG_CACHE_HOME: "/proc" });
    try {
      const result = await own.run(own.folder, ["runs", "--all"]);
      expect([result.code, result.stderr]).toEqual([
        7,
        expect.stringContaining("The cache folder /proc/ossaat cannot be used (ENOENT)"),
      ]);
      expect(await own.serverPid()).toBeUndefined();
    } finally {
      await own.close();
    }
  });
});

describe("coming and going", () => {
  test("status starts nothing; a command starts a server; down stops it", async () => {
    const own = await createCli();
    try {
      expect((await own.json(own.folder, ["status"])).value).toMatchObject({ running: false });
      expect((await own.json(own.folder, ["runs", "--all"])).code).toBe(0);
      expect((await own.json(own.folder, ["status"])).value).toMatchObject({ running: true });
      const pid = await own.serverPid();
      expect((await own.json(own.folder, ["down"])).value).toEqual({ schemaVersion: 1, stopped: true });
      expect(() => process.kill(pid ?? 0, 0)).toThrow("ESRCH");
      expect((await own.json(own.folder, ["down"])).value).toEqual({ schemaVersion: 1, stopped: false });
    } finally {
      await own.close();
    }
  });

  test("two commands at once share one server", async () => {
    const own = await createCli();
    try {
      const repository = await makeRepository(path.join(own.folder, "repository"));
      const plan = ["plan", "Let sum in src/sum.js add", "--model", "none"];
      const results = await Promise.all([own.json(repository, plan), own.json(repository, plan)]);
      expect(results.map(({ code }) => code)).toEqual([0, 0]);
      expect((await own.json(repository, ["runs"])).value.plans).toHaveLength(2);
    } finally {
      await own.close();
    }
  });

  test("an idle server ends by itself", async () => {
    const own = await createCli({ OSSAAT_IDLE_MINUTES: "0.01" });
    try {
      expect((await own.json(own.folder, ["runs", "--all"])).code).toBe(0);
      const pid = await own.serverPid();
      expect(pid).toBeGreaterThan(0);
      let alive = true;
      for (let tries = 0; alive && tries < 100; tries += 1) {
        await sleep(100);
        alive = (await own.serverPid()) !== undefined;
      }
      expect(alive).toBe(false);
    } finally {
      await own.close();
    }
  });
});
