// Every setting has an effect: each is written by `ossaat config set` and the product behaves
// otherwise. A setting without an entry here does not compile.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { settingKeys } from "./settings/setting-table.ts";
import type { SettingKey } from "./settings/setting-table.ts";
import { makeRepository } from "./testing/make-repository.ts";
import { canMount, runInBox } from "./testing/run-in-box.ts";
import { createCli, ossaatEntry } from "./testing/run-ossaat.ts";
import type { Cli, Json, RunOptions } from "./testing/run-ossaat.ts";
import { counterFrame, counterScript, writeScript } from "./testing/script.ts";
import { startedTogether } from "./testing/started-together.ts";

let cli: Cli;
let repository: string;
let model: string;

const goal = "Let sum in src/sum.js add";

beforeAll(async () => {
  cli = await createCli();
  repository = await makeRepository(path.join(cli.folder, "repository"));
  model = await writeScript(path.join(cli.folder, "script.json"), counterScript);
});

afterAll(() => cli.close());

/** Runs with one setting in the person's file. */
async function withSetting<T>(key: SettingKey, value: string, work: () => Promise<T>): Promise<T> {
  const set = await cli.run(repository, ["config", "set", key, value]);
  expect(set.code, set.stderr).toBe(0);
  try {
    return await work();
  } finally {
    expect((await cli.run(repository, ["config", "unset", key])).code).toBe(0);
  }
}

async function plan(args: readonly string[] = [], options: RunOptions = {}): Promise<Json> {
  const result = await cli.json(repository, ["plan", goal, ...args], options);
  return { ...result, plan: result.value.plan };
}

async function budgetUnder(key: SettingKey, value: string): Promise<Json> {
  return withSetting(key, value, async () => (await plan(["--model", "none"])).plan.budget);
}

/** A server that notes what it is asked and answers with an error that is not retried. */
async function withListener<T>(work: (url: string, asked: string[]) => Promise<T>): Promise<T> {
  const asked: string[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    asked.push(`${request.method ?? ""} ${request.url ?? ""}`);
    request.resume();
    response.writeHead(400, { "content-type": "application/json" });
    response.end('{"error":{"message":"no","type":"invalid_request_error"}}');
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Status of a server beside a docker that has no image. */
async function statusWithDocker(): Promise<Json> {
  await restart();
  const folder = path.join(cli.folder, "docker");
  mkdirSync(folder, { recursive: true });
  const script = [
    "#!/bin/sh",
    '[ "$1" = ps ] && exit 0',
    "for word; do case $word in mine:*) name=$word;; esac; done",
    'echo "no image$name" >&2; exit 1',
  ];
  writeFileSync(path.join(folder, "docker"), `${script.join("\n")}\n`, { mode: 0o755 });
  try {
    const env = { PATH: `${folder}:/usr/bin:/bin` };
    // It starts the server; the status only tells of one.
    await cli.run(repository, ["runs"], { env });
    return await cli.json(repository, ["status"], { env });
  } finally {
    await restart();
  }
}

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (await holds()) return;
    await sleep(50);
  }
  throw new Error(`it did not come about: ${what}`);
}

/** Which addresses a model of this name makes the server ask. */
async function askedFor(key: SettingKey, modelName: string, env: Record<string, string> = {}): Promise<string[]> {
  return withListener(async (url, asked) =>
    withSetting(key, `${url}/v1`, async () => {
      await plan(["--model", modelName], { env: { OPENAI_API_KEY: "k", ANTHROPIC_API_KEY: "k", ...env } });
      return asked;
    }),
  );
}

/** Whether two plans that think at the same time do so one after the other. */
async function planningOverlaps(): Promise<boolean> {
  const slow = await writeScript(path.join(cli.folder, "slow.json"), [
    { match: { agent: "planner" }, reply: { text: "…", delayMs: 700 } },
    ...counterFrame,
  ]);
  const ids = await Promise.all([plan(["--model", slow, "--detach"]), plan(["--model", slow, "--detach"])]);
  const spans = [];
  for (const { plan: created } of ids) {
    const events = async (): Promise<Json[]> => (await cli.json(repository, ["logs", created.id])).value.events;
    await until(async () => (await events()).some(({ type }) => type === "model.finished"), "a turn ended");
    const list = await events();
    spans.push({
      from: list.find(({ type }) => type === "step.started").at as string,
      to: list.find(({ type }) => type === "model.finished").at as string,
    });
    await cli.run(repository, ["cancel", created.id]);
  }
  const [first, second] = spans.toSorted((left, right) => left.from.localeCompare(right.from));
  return (second?.from ?? "") < (first?.to ?? "");
}

/** A run whose tests do not start, because the checkout itself is larger than allowed. */
async function expectSmallTree(key: SettingKey, value: string, bound: string): Promise<void> {
  await restart();
  await withSetting(key, value, async () => {
    const ended = await cli.json(repository, ["run", goal, "--yes", "--model", model]);
    const events: Json[] = (await cli.json(repository, ["logs", ended.value.plan?.id ?? ended.value.planId])).value
      .events;
    expect(events.flatMap(({ type, data }) => (type === "audit.denied" ? data.denials : []))).toContainEqual({
      layer: "limit",
      rule: key === "sandbox.treeGib" ? "disk" : "files",
      what: `The working tree takes more than ${bound}: no command runs in it.`,
    });
  });
  await restart();
}

const restart = () => cli.run(repository, ["down"]);

const findingOf = ({ value }: { value: Json }) => value.findings.find(({ id }: Json) => id === "queue").message;

const effects: Readonly<Record<SettingKey, () => Promise<void>>> = {
  runMode: async () => {
    await withSetting("runMode", "enterprise", async () => {
      const unseen = await cli.json(repository, ["run", goal, "--yes", "--model", model]);
      expect([unseen.code, unseen.value.error.code]).toEqual([5, "policy_denied"]);
      const scripted = await plan(["--model", model]);
      expect([scripted.code, scripted.value.error.message]).toEqual([
        5,
        "Scripted models are refused in run mode enterprise.",
      ]);
      const unsafe = await plan(["--dangerously-no-sandbox"]);
      expect([unsafe.code, unsafe.value.error.message]).toEqual([5, expect.stringContaining("runMode enterprise")]);
    });
    expect((await plan(["--model", model])).code).toBe(0);
  },
  model: async () => {
    expect((await plan()).plan.model).toBeNull();
    expect((await withSetting("model", model, plan)).plan.model).toBe(model);
  },
  agents: async () => {
    const agentsOf = (state: Json) => new Set(state.plan.steps.map(({ agent }: Json) => agent));
    expect(agentsOf((await plan(["--model", "none"])).plan).has("auditor")).toBe(true);
    const few = await withSetting("agents", "code-writer,tester", () => plan(["--model", "none"]));
    expect(agentsOf(few.plan)).toEqual(new Set(["code-writer", "tester"]));
  },
  "models.allowed": async () => {
    await withSetting("models.allowed", "anthropic/*", async () => {
      const refused = await plan(["--model", model]);
      expect([refused.code, refused.value.error.message]).toEqual([5, expect.stringContaining("anthropic/*")]);
      expect((await plan(["--model", "none"])).code).toBe(0);
    });
  },
  "budget.maxCostUsd": async () =>
    expect(await budgetUnder("budget.maxCostUsd", "1.5")).toMatchObject({ maxCostUsd: 1.5 }),
  "budget.maxTokens": async () =>
    expect(await budgetUnder("budget.maxTokens", "5000")).toMatchObject({ maxTokens: 5_000 }),
  "budget.maxMinutes": async () => expect(await budgetUnder("budget.maxMinutes", "3")).toMatchObject({ maxMinutes: 3 }),
  onApproval: async () => {
    const run = () => cli.json(repository, ["run", goal, "--model", model]);
    expect((await run()).code).toBe(9);
    expect((await withSetting("onApproval", "deny", run)).code).toBe(5);
  },
  "sandbox.required": async () => {
    await withSetting("sandbox.required", "true", async () => {
      const refused = await plan(["--dangerously-no-sandbox"]);
      const lines = readFileSync(path.join(cli.folder, "config/ossaat/ossaat.yaml"), "utf8").split("\n");
      const line = lines.findIndex((text) => text.includes("required: true")) + 1;
      expect(refused.value.error.message).toContain(`ossaat.yaml:${line})`);
      expect(refused.code).toBe(5);
    });
  },
  "sandbox.driver": async () => {
    expect((await withSetting("sandbox.driver", "container", statusWithDocker)).value.sandbox.detail).toBe(
      "docker import failed: no image",
    );
  },
  "sandbox.image": async () => {
    const status = () => withSetting("sandbox.driver", "container", statusWithDocker);
    expect((await withSetting("sandbox.image", "mine:1", status)).value.sandbox.detail).toBe(
      "docker create failed: no imagemine:1",
    );
  },
  "sandbox.treeGib": () => expectSmallTree("sandbox.treeGib", "0.000001", "0 GiB on the disk"),
  "sandbox.treeFiles": () => expectSmallTree("sandbox.treeFiles", "1", "1 files and folders"),
  stateDir: async () => {
    const other = path.join(cli.folder, "other-state");
    const status = () => cli.json(repository, ["status"], { env: { OSSAAT_STATE_DIR: "" } });
    expect((await withSetting("stateDir", other, status)).value.stateDir).toBe(other);
  },
  store: async () => {
    await restart();
    const started = await withSetting("store", "postgres://nobody@127.0.0.1:1/nothing", () =>
      cli.run(repository, ["up", "--detach"]),
    );
    expect([started.code, started.stderr]).toEqual([7, expect.stringContaining("The database cannot be reached.")]);
  },
  queue: async () => {
    const doctor = await withSetting("queue", "amqp://ann@127.0.0.1:1/jobs", () => cli.json(repository, ["doctor"]));
    expect(findingOf(doctor)).toContain("RabbitMQ at 127.0.0.1:1");
  },
  queueCa: async () => {
    const env = { OSSAAT_QUEUE: "kafkas://127.0.0.1:1" };
    const doctor = await withSetting("queueCa", "/no/such/file", () => cli.json(repository, ["doctor"], { env }));
    expect(findingOf(doctor)).toContain("/no/such/file, cannot be read");
  },
  "server.url": async () => {
    await withListener(async (url, asked) => {
      await withSetting("server.url", url, () => cli.run(repository, ["runs"], { env: { OSSAAT_TOKEN: "t" } }));
      expect(asked[0]).toMatch(/^GET \/plans/);
    });
  },
  "server.idleMinutes": async () => {
    await restart();
    await withSetting("server.idleMinutes", "0.01", async () => {
      await cli.run(repository, ["up", "--detach"]);
      await until(() => !existsSync(path.join(cli.stateDir, "server.json")), "the idle server stopped");
    });
  },
  "server.slots": async () => {
    await restart();
    expect(await planningOverlaps()).toBe(true);
    await restart();
    expect(await withSetting("server.slots", "1", planningOverlaps)).toBe(false);
    await restart();
  },
  "server.maxOpenSteps": async () => {
    const { plan: open } = await plan(["--model", "none"]);
    await restart();
    const asked = () => cli.json(repository, ["plan", goal, "--model", "none"]);
    const { code, value } = await withSetting("server.maxOpenSteps", "1", asked);
    expect([code, value.error.code]).toEqual([7, "rate_limited"]);
    await restart();
    expect((await asked()).code).toBe(0);
    await cli.run(repository, ["cancel", open.id]);
  },
  "server.maxRunningPerRepository": async () => {
    await restart();
    expect(await withSetting("server.maxRunningPerRepository", "1", planningOverlaps)).toBe(false);
    await restart();
  },
  "server.maxRunningPerPlan": async () => {
    await restart();
    const together = () => startedTogether(cli, repository);
    expect(await together()).toBe(2);
    await restart();
    expect(await withSetting("server.maxRunningPerPlan", "1", together)).toBe(1);
    await restart();
  },
  "server.logLevel": async () => {
    await restart();
    const log = path.join(cli.stateDir, "server.log");
    const linesOf = async () => {
      const from = existsSync(log) ? statSync(log).size : 0;
      await cli.run(repository, ["up", "--detach"]);
      await restart();
      return readFileSync(log).subarray(from).toString("utf8");
    };
    expect(await linesOf()).toContain("ossaat is up");
    expect(await withSetting("server.logLevel", "error", linesOf)).toBe("");
  },
  "workspaces.keepDays": async () => {
    const failing = await writeScript(path.join(cli.folder, "failing.json"), counterFrame);
    const run = await cli.json(repository, ["run", goal, "--yes", "--model", failing]);
    const tree = path.join(cli.stateDir, "runner", "workspaces", run.value.plan.id);
    expect([run.code, existsSync(tree)]).toEqual([3, true]);
    await restart();
    const database = new DatabaseSync(path.join(cli.stateDir, "ossaat.db"));
    database
      .prepare("UPDATE plan SET finished_at = finished_at - ? WHERE id = ?")
      .run(20 * 86_400_000, run.value.plan.id);
    database.close();
    const staysAfterStart = async () => {
      await cli.run(repository, ["runs"]);
      await restart();
      return existsSync(tree);
    };
    expect(await withSetting("workspaces.keepDays", "30", staysAfterStart)).toBe(true);
    expect(await staysAfterStart()).toBe(false);
  },
  "telemetry.otlpEndpoint": async () => {
    await restart();
    await withListener(async (url, asked) => {
      await withSetting("telemetry.otlpEndpoint", url, async () => {
        await plan(["--model", "none"]);
        await restart();
      });
      expect(asked).toContain("POST /v1/traces");
    });
  },
  "providers.openai.baseUrl": async () => {
    expect((await askedFor("providers.openai.baseUrl", "openai/gpt-x"))[0]).toBe("POST /v1/chat/completions");
  },
  "providers.openai.wire": async () => {
    const asked = await withSetting("providers.openai.wire", "openai.responses", () =>
      askedFor("providers.openai.baseUrl", "openai/gpt-x"),
    );
    expect(asked[0]).toBe("POST /v1/responses");
  },
  "providers.anthropic.baseUrl": async () => {
    expect((await askedFor("providers.anthropic.baseUrl", "anthropic/claude-x"))[0]).toMatch(/^POST \/v1\/.*messages/);
  },
  "providers.scripted.requestLog": async () => {
    await restart();
    const file = path.join(cli.folder, "requests.jsonl");
    await withSetting("providers.scripted.requestLog", file, () => plan(["--model", model]));
    expect(readFileSync(file, "utf8")).toContain("request.started");
    await restart();
  },
  "terminal.color": async () => {
    const colours = async () => (await cli.run(repository, ["runs"])).stdout.includes("\u001b[");
    await plan(["--model", "none"]);
    expect(await colours()).toBe(false);
    expect(await withSetting("terminal.color", "always", colours)).toBe(true);
  },
  "terminal.screenReader": async () => {
    await plan(["--model", "none"]);
    const glyphs = async () => /[?✓✗●◌·…]/u.test((await cli.run(repository, ["runs"])).stdout);
    expect(await glyphs()).toBe(true);
    expect(await withSetting("terminal.screenReader", "true", glyphs)).toBe(false);
  },
  "terminal.editor": async () => {
    const { plan: state } = await plan(["--model", "none"]);
    const editor = path.join(cli.folder, "editor.sh");
    writeFileSync(editor, `#!/bin/sh\necho "$@" > ${cli.folder}/edited\n`, { mode: 0o755 });
    await withSetting("terminal.editor", editor, async () => {
      const command = [process.execPath, ossaatEntry, "edit", state.id].join(" ");
      const env = { ...cli.env, PATH: process.env["PATH"] ?? "", TERM: "xterm" };
      spawnSync("script", ["-qec", command, "/dev/null"], { cwd: repository, env, stdio: "pipe" });
      await Promise.resolve();
    });
    expect(readFileSync(path.join(cli.folder, "edited"), "utf8")).toContain("plan.json");
  },
};

describe("the setting", () => {
  test.each(settingKeys)("%s has an effect", async (key) => {
    await effects[key]();
    expect(readdirSync(path.join(cli.folder, "config", "ossaat"))).toContain("ossaat.yaml");
  });
});

describe("a project's file", () => {
  test("narrows a plan made here, and only here", async () => {
    const folder = await makeRepository(path.join(cli.folder, "narrow"));
    const set = await cli.run(folder, ["config", "set", "--project", "budget.maxCostUsd", "0.25"]);
    expect(set.code, set.stderr).toBe(0);
    const narrowed = await cli.json(folder, ["plan", goal, "--model", "none"]);
    expect(narrowed.value.plan.budget.maxCostUsd).toBe(0.25);
    expect((await plan(["--model", "none"])).plan.budget.maxCostUsd).toBe(5);
  });

  test("chooses a model only after it was trusted", async () => {
    const folder = await makeRepository(path.join(cli.folder, "trusting"));
    await cli.run(folder, ["config", "set", "--project", "model", model]);
    const modelOf = async () => (await cli.json(folder, ["plan", goal])).value.plan.model;
    expect(await modelOf()).toBeNull();
    expect((await cli.run(folder, ["config", "trust"])).code).toBe(0);
    expect(await modelOf()).toBe(model);
    await cli.run(folder, ["config", "set", "--project", "budget.maxMinutes", "9"]);
    expect(await modelOf()).toBe(model);
    writeFileSync(path.join(folder, "ossaat.yaml"), `model: ${model}\n# changed by somebody else\n`);
    expect(await modelOf()).toBeNull();
  });

  test("that allows other models refuses the default one", async () => {
    const folder = await makeRepository(path.join(cli.folder, "allowed"));
    await cli.run(folder, ["config", "set", "--project", "models.allowed", "anthropic/*"]);
    const refused = await cli.json(folder, ["plan", goal, "--model", model]);
    expect([refused.code, refused.value.error.message]).toEqual([5, expect.stringContaining("ossaat.yaml:3")]);
    expect((await cli.json(folder, ["plan", goal, "--model", "none"])).code).toBe(0);
  });
});

describe.skipIf(!canMount)("the administrator's file (its place is made by bubblewrap)", () => {
  /** Runs a command where /etc holds what it does here, and ossaat/ossaat.yaml. */
  function runAsAdministered(system: string, args: readonly string[]) {
    const etc = path.join(cli.folder, "etc-ossaat");
    mkdirSync(etc, { recursive: true });
    writeFileSync(path.join(etc, "ossaat.yaml"), system, { mode: 0o644 });
    const entries = readdirSync("/etc").filter((name) => name !== "ossaat");
    const binds = entries.flatMap((name) => ["--ro-bind-try", `/etc/${name}`, `/etc/${name}`]);
    const mounts = ["--tmpfs", "/etc", ...binds, "--ro-bind", etc, "/etc/ossaat"];
    return runInBox(cli, { cwd: repository, mounts, args });
  }

  test("locks a cap above every layer", () => {
    const system = "budget:\n  maxCostUsd: 1\nrunMode: enterprise\nlocked: [budget.maxCostUsd, runMode]\n";
    const args = ["config", "explain", "budget.maxCostUsd", "--json"];
    const explained = runAsAdministered(system, args);
    expect(explained.code, explained.stderr).toBe(0);
    expect(JSON.parse(explained.stdout)).toMatchObject({ value: 1, lockedBy: "/etc/ossaat/ossaat.yaml:2" });
    const refused = runAsAdministered(system, ["run", goal, "--yes", "--max-cost", "50", "--model", "none"]);
    expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining("--max-cost has no effect")]);
  });
});
