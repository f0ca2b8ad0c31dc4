// The machine's clock jumps by an hour under a running server: libfaketime changes what the server's
// own process reads from the system. Every plan ends as it would have, and none waits that hour.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { countTurns } from "./demo/count-turns.ts";
import { git, makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { counterFrame, counterScript, editSum, finish, turns, writeScript } from "./testing/script.ts";
import type { Reply } from "./testing/script.ts";

const hourMs = 3_600_000;
const goal = "Let sum in src/sum.js add";
const serverEntry = fileURLToPath(new URL("server-main.ts", import.meta.url));

/** Where Linux distributions keep the library that changes time; undefined = not installed. */
const library = [
  "/usr/lib",
  ...(existsSync("/usr/lib") ? readdirSync("/usr/lib").map((name) => `/usr/lib/${name}`) : []),
]
  .map((folder) => path.join(folder, "faketime/libfaketimeMT.so.1"))
  .find((file) => existsSync(file));

let cli: Cli;
let repository: string;
let server: ChildProcess;
beforeEach(async () => {
  cli = await createCli();
  repository = await makeRepository(path.join(cli.folder, "repository"));
  setClock("+0");
  server = spawn(process.execPath, [serverEntry], {
    env: {
      ...cli.env,
      // Two steps at once, so that a third one waits.
      OSSAAT_SLOTS: "2",
      OSSAAT_MODEL_REQUEST_LOG: requestLog(),
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: clockFile(),
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    },
    stdio: "ignore",
  });
  await until(async () => (await cli.serverPid()) === server.pid);
});
afterEach(async () => {
  server.kill("SIGTERM");
  if (server.exitCode === null) await once(server, "exit");
  await cli.close();
});

const clockFile = () => path.join(cli.folder, "clock");
const requestLog = () => path.join(cli.folder, "requests.jsonl");
const setClock = (offset: string) => writeFileSync(clockFile(), `${offset}\n`);

async function until(isReached: () => Promise<boolean>): Promise<void> {
  while (!(await isReached())) await sleep(50);
}

const eventsOf = async (planId: string): Promise<Json[]> => (await cli.json(repository, ["logs", planId])).value.events;

/** Submits a plan whose writing step gets this first answer. */
async function submit(name: string, first?: Reply): Promise<string> {
  const script =
    first === undefined ? counterScript : [...counterFrame, ...turns("code-writer", "fix", first, finish("Mended."))];
  const model = await writeScript(path.join(cli.folder, `${name}.json`), script);
  const { code, stdout, stderr } = await cli.run(repository, [
    "run",
    goal,
    "--yes",
    "--detach",
    "--quiet",
    "--model",
    model,
  ]);
  expect(code, stderr).toBe(0);
  return stdout.trim();
}

const has = async (planId: string, type: string) =>
  (await eventsOf(planId)).some((event) => event.type === type && event.stepId === "fix");

describe.skipIf(library === undefined)("the clock under a running server (needs libfaketime)", () => {
  test.each([
    ["+1h", 1],
    ["-1h", -1],
  ])("jumps by %s: no plan is hurt, and none waits for it", async (offset, hours) => {
    const backedOff = await submit("backed-off", {
      error: { kind: "overloaded", retryAfterMs: 8_000, times: 1 },
      toolCalls: [editSum],
    });
    await until(() => has(backedOff, "step.backed_off"));
    const asking = { delayMs: 5_000, toolCalls: [editSum] };
    const running = [await submit("one", asking), await submit("two", asking)];
    for (const planId of running) await until(() => has(planId, "budget.reserved"));
    const waiting = await submit("waiting");
    setClock(offset);
    for (const planId of [backedOff, ...running, waiting]) {
      const watched = await cli.json(repository, ["watch", planId]);
      expect([watched.code, watched.value.plan.status], watched.stderr).toEqual([0, "succeeded"]);
      expect(git(repository, "show", `ossaat/${planId}:src/sum.js`)).toContain("return a + b;");
      const last: Json = (await eventsOf(planId)).at(-1);
      // Planted: the server's clock really did jump, and has not been put right meanwhile.
      expect(Math.round((Date.parse(last.at) - Date.now()) / hourMs)).toBe(hours);
    }
    expect((await countTurns(requestLog())).boughtTwice).toBe(0);
  });
});
