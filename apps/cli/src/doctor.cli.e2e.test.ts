// Every check of `ossaat doctor` against a machine on which exactly that is broken.
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

import { AgentError, proveToken, toErrorBody } from "@ossaat/contracts";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { checkClock, checkNode } from "./doctor/check-machine.ts";
import { askDoctor, expectDoctorFinding, findingsOf } from "./testing/ask-doctor.ts";
import type { Where } from "./testing/ask-doctor.ts";
import { makeRepository } from "./testing/make-repository.ts";
import { canMount, readJson, runInBox } from "./testing/run-in-box.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";

let cli: Cli;
let repository: string;
let counter = 0;

beforeAll(async () => {
  cli = await createCli();
  repository = await makeRepository(path.join(cli.folder, "repository"));
});

afterAll(() => cli.close());

/** A folder of its own for each test. */
let place: string;

beforeEach(() => {
  counter += 1;
  place = path.join(cli.folder, `place-${counter}`);
  mkdirSync(place);
});

const doctor = (where: Where = {}) => askDoctor(cli, { cwd: repository, ...where });
const expectFinding = (where: Where, id: string, expected: Json) =>
  expectDoctorFinding(cli, { where: { cwd: repository, ...where }, id, expected });

const saying = (text: string) => expect.stringContaining(text);

function newState(): string {
  const folder = path.join(place, "state");
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

async function withHttp<T>(listener: RequestListener, work: (url: string) => Promise<T>): Promise<T> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("a sound machine: nothing fails, no value of a key is shown", async () => {
  const result = await cli.run(repository, ["doctor"], { env: { OPENAI_API_KEY: "sk-canary-value" } });
  expect(result.code, result.stdout).toBe(0);
  expect(result.stdout).toContain("OPENAI_API_KEY is set");
  expect(`${result.stdout}${result.stderr}`).not.toContain("canary");
  expect(result.stdout).not.toMatch(/^fail/m);
});

describe("settings", () => {
  test("a file that cannot be read fails, and every other check still runs", async () => {
    const config = path.join(place, "config");
    mkdirSync(path.join(config, "ossaat"), { recursive: true });
    writeFileSync(path.join(config, "ossaat", "ossaat.yaml"), "server:\n  slots: none\n");
    const env = { XDG_CONFIG_HOME: config };
    await expectFinding({ env }, "settings", { status: "fail", message: saying("ossaat.yaml:2: server.slots takes") });
    expect(findingsOf(await doctor({ env }), "git")).toHaveLength(1);
  });

  test("a variable that does not fit fails", async () => {
    const message = saying("OSSAAT_SLOTS takes");
    await expectFinding({ env: { OSSAAT_SLOTS: "x" } }, "settings", { status: "fail", message });
  });

  test("a project's model that is not trusted is told", async () => {
    const folder = await makeRepository(path.join(place, "r"), { "ossaat.yaml": "model: openai/x\n" });
    await expectFinding({ cwd: folder }, "settings", { status: "warn", next: "ossaat config trust" });
  });
});

describe("node and git", () => {
  test("an older Node fails", () => {
    expect(checkNode("22.12.0")).toMatchObject({ status: "fail" });
    expect(checkNode("24.17.9")).toMatchObject({ status: "fail" });
    expect([checkNode("24.18.0").status, checkNode("26.0.0").status]).toEqual(["ok", "ok"]);
  });

  test("git that is missing or old fails", async () => {
    await expectFinding({ env: { PATH: place } }, "git", { status: "fail", message: saying("not found") });
    writeFileSync(path.join(place, "git"), "#!/bin/sh\necho git version 2.20.1\n", { mode: 0o755 });
    await expectFinding({ env: { PATH: place } }, "git", { status: "fail", message: saying("2.20.1 is too old") });
  });
});

describe("state", () => {
  test("a folder that cannot be made fails", async () => {
    writeFileSync(path.join(place, "file"), "");
    const env = { OSSAAT_STATE_DIR: path.join(place, "file", "state") };
    await expectFinding({ env }, "state folder", { status: "fail", message: saying("cannot be written") });
  });

  test("a folder that others may read is told", async () => {
    const state = newState();
    chmodSync(state, 0o755);
    await expectFinding({ env: { OSSAAT_STATE_DIR: state } }, "state folder", {
      status: "warn",
      next: `chmod 700 ${state}`,
    });
  });

  test("a damaged database fails", async () => {
    const state = newState();
    writeFileSync(path.join(state, "ossaat.db"), "this was a database once".repeat(200));
    await expectFinding({ env: { OSSAAT_STATE_DIR: state } }, "database", {
      status: "fail",
      message: saying("damaged"),
    });
  });

  test("a cache folder that cannot be made fails", async () => {
    const env = { XDG_CACHE_HOME: "/proc" };
    await expectFinding({ env }, "cache folder", { status: "fail", message: saying("/proc cannot be written") });
  });

  test("a database that is damaged under a running server fails", async () => {
    const own = await createCli();
    try {
      expect((await own.run(own.folder, ["up", "--detach"])).code).toBe(0);
      const file = path.join(own.stateDir, "ossaat.db");
      writeFileSync(file, readFileSync(file).fill(0x5a));
      const { findings } = (await own.json(own.folder, ["doctor"])).value;
      expect(findings).toContainEqual(
        expect.objectContaining({ id: "database", status: "fail", message: saying("damaged") }),
      );
    } finally {
      await own.close();
    }
  });

  test("a database with a torn page fails", async () => {
    const state = newState();
    const file = path.join(state, "ossaat.db");
    const database = new DatabaseSync(file);
    database.exec("CREATE TABLE t (x TEXT); CREATE INDEX i ON t (x)");
    for (let row = 0; row < 500; row += 1) database.exec(`INSERT INTO t VALUES ('${"x".repeat(200)}${row}')`);
    database.close();
    const bytes = readFileSync(file);
    bytes.fill(0xff, 3 * 4_096, 5 * 4_096);
    writeFileSync(file, bytes);
    await expectFinding({ env: { OSSAAT_STATE_DIR: state } }, "database", {
      status: "fail",
      message: saying("damaged"),
    });
  });

  test("a database of a newer version fails", async () => {
    const state = newState();
    const database = new DatabaseSync(path.join(state, "ossaat.db"));
    database.exec("CREATE TABLE kysely_migration (name TEXT, timestamp TEXT)");
    database.exec("INSERT INTO kysely_migration VALUES ('9999-later', '')");
    database.close();
    await expectFinding({ env: { OSSAAT_STATE_DIR: state } }, "database", {
      status: "fail",
      message: saying("9999-later"),
    });
  });

  test("a database that somebody else holds fails", async () => {
    const state = newState();
    const database = new DatabaseSync(path.join(state, "ossaat.db"));
    database.exec("PRAGMA locking_mode = EXCLUSIVE; CREATE TABLE t (x); BEGIN EXCLUSIVE; INSERT INTO t VALUES (1)");
    try {
      const message = saying("Another ossaat server");
      await expectFinding({ env: { OSSAAT_STATE_DIR: state } }, "database", { status: "fail", message });
    } finally {
      database.close();
    }
  });

  test("a real one is sound, with the server and without it", async () => {
    await cli.run(repository, ["up", "--detach"]);
    await expectFinding({}, "database", { status: "ok", message: saying("in use by the running server") });
    await cli.run(repository, ["down"]);
    await expectFinding({}, "database", { status: "ok", message: saying("sound, schema 0") });
  });
});

describe("server", () => {
  const write = (state: string, content: Json) =>
    writeFileSync(path.join(state, "server.json"), typeof content === "string" ? content : JSON.stringify(content));
  const file = (more: Json) => ({
    schemaVersion: 1,
    url: "http://127.0.0.1:9",
    token: "t",
    pid: process.pid,
    version: "0.0.1",
    startedAt: new Date().toISOString(),
    settingProofs: {},
    ...more,
  });

  test("one that was killed, and a file that is torn, are told", async () => {
    const state = newState();
    const child = spawn("true");
    await new Promise((resolve) => child.on("exit", resolve));
    write(state, file({ pid: child.pid }));
    const env = { OSSAAT_STATE_DIR: state };
    await expectFinding({ env }, "server", { status: "warn", message: saying("ended without a word") });
    write(state, "{");
    await expectFinding({ env }, "server", { status: "warn", message: saying("cannot be read") });
  });

  test("one of another version, or with other rules, is told", async () => {
    const state = newState();
    let version = "0.0.1";
    const answer: RequestListener = (request, response) => {
      const challenge = new URL(request.url ?? "", "http://x").searchParams.get("challenge") ?? "";
      const status = { version, plans: {}, sandbox: {}, providerKeys: [] };
      const body = request.url?.startsWith("/healthz") === true ? { proof: proveToken("t", challenge) } : status;
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(body));
    };
    await withHttp(answer, async (url) => {
      write(state, file({ url }));
      const env = { OSSAAT_STATE_DIR: state };
      await expectFinding({ env }, "server", {
        status: "warn",
        message: saying("runs version 0.0.1"),
        next: "ossaat down",
      });
      version = "0.1.0";
      await expectFinding({ env }, "server", { status: "warn", message: saying("run mode and rules") });
    });
  });

  test("a named one that does not answer, has no token, or another time, is told", async () => {
    const env = { OSSAAT_URL: "http://127.0.0.1:1", OSSAAT_TOKEN: "t" };
    await expectFinding({ env }, "server", { status: "fail", next: saying("start the server at http://127.0.0.1:1") });
    const error = new AgentError("unavailable", "The server cannot take work now.", {
      details: { next: "ossaat doctor" },
    });
    const broken: RequestListener = (_request, response) => {
      response.statusCode = 503;
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(toErrorBody(error, { requestId: "r", traceId: "t" })));
    };
    await withHttp(broken, (url) =>
      expectFinding({ env: { ...env, OSSAAT_URL: url } }, "server", { status: "fail", next: saying(`at ${url}`) }),
    );
    await expectFinding({ env: { ...env, OSSAAT_TOKEN: "" } }, "server", {
      status: "fail",
      next: saying("OSSAAT_TOKEN"),
    });
    const late: RequestListener = (_request, response) => {
      response.setHeader("date", new Date(Date.now() - 3_600_000).toUTCString());
      response.end("{}");
    };
    await withHttp(late, (url) =>
      expectFinding({ env: { ...env, OSSAAT_URL: url } }, "server clock", {
        status: "warn",
        message: expect.stringMatching(/by 3[56]\d\d s/),
      }),
    );
  });
});

describe("queue", () => {
  test.each(["kafka://127.0.0.1:1", "amqp://ann@127.0.0.1:1"])(
    "a broker that is dead is to be started: %s",
    async (queue) => {
      await expectFinding({ env: { OSSAAT_QUEUE: queue, OSSAAT_QUEUE_PASSWORD: "hidden" } }, "queue", {
        status: "fail",
        next: expect.stringMatching(/start the broker at \S*127\.0\.0\.1:1\b/u),
      });
    },
  );
});

describe("clock", () => {
  test("one that was set back behind the last write is told", async () => {
    const state = newState();
    const file = path.join(state, "ossaat.db-wal");
    writeFileSync(file, "");
    const inTwoHours = Date.now() / 1000 + 7_200;
    utimesSync(file, inTwoHours, inTwoHours);
    const message = expect.stringMatching(/It is 1\d\d min behind/);
    await expectFinding({ env: { OSSAAT_STATE_DIR: state } }, "clock", { status: "warn", message });
  });

  test("one that shows a time before this version fails", () => {
    const past = checkClock({ stateDir: cli.stateDir }, Date.parse("2001-01-01T00:00:00Z"));
    expect(past).toMatchObject({ status: "fail", message: saying("2001-01-01") });
  });
});

describe.skipIf(!canMount)("a machine mounted over by bubblewrap", () => {
  function expectBoxed(mounts: readonly string[], id: string, expected: Json): void {
    const result = runInBox(cli, { cwd: repository, mounts, args: ["doctor", "--json"] });
    const found = findingsOf(readJson(result).findings, id);
    expect(found, result.stdout).toContainEqual(expect.objectContaining({ id, ...expected }));
  }

  const megabyte = 1024 * 1024;

  test("a nearly full disk fails, a small one is told", async () => {
    await cli.run(repository, ["down"]);
    const tmpfs = (bytes: number) => ["--size", String(bytes), "--tmpfs", cli.stateDir];
    expectBoxed(tmpfs(50 * megabyte), "disk state", { status: "fail", message: saying("0.0 GB free") });
    expectBoxed(tmpfs(500 * megabyte), "disk state", { status: "warn", message: saying("0.5 GB free") });
  });

  test("a read-only state folder fails", () => {
    expectBoxed(["--ro-bind", cli.stateDir, cli.stateDir], "state folder", {
      status: "fail",
      message: saying("EROFS"),
    });
  });

  test("without bubblewrap the sandbox fails", () => {
    const bwrap = execFileSync("sh", ["-c", "command -v bwrap"], { encoding: "utf8" }).trim();
    const mounts = ["--ro-bind", "/dev/null", bwrap];
    // A machine with a container engine is told how to start it.
    const engine = execFileSync("sh", ["-c", "command -v docker || command -v podman || true"], { encoding: "utf8" });
    const name = path.basename(engine.trim());
    const next = name === "" ? "apt-get install -y bubblewrap" : `${name} info`;
    expectBoxed(mounts, "sandbox", { status: "fail", next });
  });

  test.each([
    ["/proc/sys/user/max_user_namespaces", "0\n", "user namespaces", "warn"],
    ["/proc/sys/kernel/seccomp/actions_avail", "kill log\n", "seccomp", "fail"],
  ])("%s of %j is told", (file, text, id, status) => {
    const fake = path.join(place, "fake");
    writeFileSync(fake, text);
    expectBoxed(["--ro-bind", fake, file], id, { status });
  });

  test("without control groups that is told", () => {
    expectBoxed(["--tmpfs", "/sys/fs/cgroup"], "control groups", { status: "warn" });
  });
});

test("the patch level of bubblewrap is told by its version", async () => {
  const fake = (version: string) => {
    writeFileSync(path.join(place, "bwrap"), `#!/bin/sh\necho bubblewrap ${version}\n`, { mode: 0o755 });
    return { env: { PATH: `${place}:${cli.env["PATH"] ?? ""}` } };
  };
  await expectFinding(fake("0.11.9"), "bubblewrap", { status: "warn", message: saying("CVE-2026-87766") });
  await expectFinding(fake("0.12.0"), "bubblewrap", { status: "ok", message: "0.12.0" });
});

describe("keys and model", () => {
  test("no key is told; a key with its quotes fails", async () => {
    await expectFinding({}, "keys", { status: "warn" });
    const quoted = { env: { OPENAI_API_KEY: '"sk-x"' } };
    await expectFinding(quoted, "keys", { status: "fail", message: saying("OPENAI_API_KEY holds") });
  });

  test.each([
    [{ OSSAAT_MODEL: "gpt" }, "is not a model name"],
    [{ OSSAAT_MODEL: "openai/gpt" }, "OPENAI_API_KEY is not set"],
    [{ OSSAAT_MODEL: "scripted:nowhere.json" }, "cannot be used"],
    [{ OSSAAT_MODEL: "openai/gpt", OSSAAT_ALLOWED_MODELS: "anthropic/*" }, "not allowed here"],
    [{ OSSAAT_MODEL: "openai/gpt", OPENAI_API_KEY: "k", OPENAI_BASE_URL: "http://example.test" }, "must use https"],
  ])("the model of %j fails", async (env, text) => {
    await expectFinding({ env }, "model", { status: "fail", message: saying(text) });
  });

  test("a scripted model is named as one, and fails in enterprise", async () => {
    const file = path.join(place, "s.json");
    writeFileSync(
      file,
      JSON.stringify({ schemaVersion: 1, replies: [{ match: { agent: "planner" }, reply: { text: "x" } }] }),
    );
    const env = { OSSAAT_MODEL: `scripted:${file}` };
    await expectFinding({ env }, "model", { status: "ok", message: saying("no model is asked") });
    await expectFinding({ env: { ...env, OSSAAT_RUN_MODE: "enterprise" } }, "model", { status: "fail" });
  });

  test("--online asks with the key, and only then", async () => {
    const asked: string[] = [];
    let status = 200;
    const vendor: RequestListener = (request, response) => {
      asked.push(`${request.url ?? ""} ${request.headers.authorization ?? ""}`);
      response.statusCode = status;
      response.end("{}");
    };
    await withHttp(vendor, async (url) => {
      const env = { OPENAI_API_KEY: "k", OPENAI_BASE_URL: `${url}/v1` };
      expect(findingsOf(await doctor({ env }), "online OPENAI_API_KEY")).toEqual([]);
      expect(asked).toEqual([]);
      const where = { env, args: ["--online"] };
      await expectFinding(where, "online OPENAI_API_KEY", { status: "ok" });
      expect(asked).toEqual(["/v1/models Bearer k"]);
      status = 401;
      await expectFinding(where, "online OPENAI_API_KEY", { status: "fail", message: saying("refuses the key") });
    });
    const dead = { ANTHROPIC_API_KEY: "k", ANTHROPIC_BASE_URL: "http://127.0.0.1:1" };
    await expectFinding({ env: dead, args: ["--online"] }, "online ANTHROPIC_API_KEY", {
      status: "fail",
      message: saying("does not answer"),
    });
  });
});
