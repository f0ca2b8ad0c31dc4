// An orchestrator as a process, while what it needs is not there yet.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, expect, test } from "vitest";

import { createTestDatabase } from "./testing/postgres.ts";
import type { TestDatabase } from "./testing/postgres.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test("a process that waits for its tool runner stops when it is told to, at once and well", async () => {
  // A port that nobody answers on, and that nobody else takes meanwhile.
  const silent = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const away = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const store = new URL(database.url);
  const { password } = store;
  store.password = "";
  const child = spawn(process.execPath, [fileURLToPath(new URL("main.ts", import.meta.url))], {
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: tmpdir(),
      OSSAAT_STORE: store.href,
      OSSAAT_STORE_PASSWORD: decodeURIComponent(password),
      OSSAAT_ROLE: "worker",
      OSSAAT_WORKER_NAME: "w",
      OSSAAT_LISTEN: "127.0.0.1:0",
      OSSAAT_INTERNAL_KEY: "5e".repeat(32),
      OSSAAT_RUNNER_ADDRESS: away,
      OSSAAT_INDEXER_ADDRESS: away,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (said += part.toString()));
  const exited = once(child, "exit");
  await expect.poll(() => said, { timeout: 60_000 }).toContain("the tool runner is not ready yet");
  // Several tries later each problem was said once.
  await sleep(1_600);
  const problems = Array.from(said.matchAll(/"problem":"([^"]*)"[^\n]*is not ready yet/gu), ([, problem]) => problem);
  expect(problems).toEqual([...new Set(problems)]);
  expect(problems.length).toBeGreaterThan(0);
  child.kill("SIGTERM");
  expect(await exited).toEqual([0, null]);
  expect(said).toContain("has stopped before it served");
  silent.close();
});
