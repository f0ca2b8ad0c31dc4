// The servers for whoever tries the product: it starts on them as they say, and nothing of them stays.
import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";

import { afterEach, expect, test } from "vitest";

const program = path.resolve(import.meta.dirname, "run-services.ts");
const ossaat = path.resolve(import.meta.dirname, "../../apps/cli/bin/ossaat");

const children: ChildProcess[] = [];
afterEach(() => children.splice(0).forEach((child) => child.kill("SIGKILL")));

test("the product starts on them with what they print, and they go without a trace", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "ossaat-services-"));
  // A database server runs as a user of its own.
  chmodSync(folder, 0o755);
  const services = spawn(process.execPath, [program, "--stack", "rabbit"], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ["ignore", "pipe", "inherit"],
    // A group of its own, as a terminal makes.
    detached: true,
  });
  children.push(services);
  let said = "";
  const ended = once(services, "exit");
  for await (const chunk of services.stdout.setEncoding("utf8")) {
    said += String(chunk);
    if (said.includes("Ctrl+C")) break;
  }
  const settings = /export (.*)$/mu.exec(said)?.[1] ?? "";
  const environment = Object.fromEntries(
    [...settings.matchAll(/(\w+)='([^']*)'/gu)].map(([, name, value]) => [name, value]),
  );
  expect(Object.keys(environment).toSorted()).toEqual([
    "OSSAAT_QUEUE",
    "OSSAAT_QUEUE_PASSWORD",
    "OSSAAT_STORE",
    "PGPASSWORD",
  ]);
  const home = path.join(folder, "home");
  const env = { PATH: process.env["PATH"], HOME: home, OSSAAT_STATE_DIR: path.join(home, "state"), ...environment };
  const run = async (...words: string[]) => (await promisify(execFile)(ossaat, words, { env })).stdout;
  await run("up", "--detach");
  const status = await run("queue", "status");
  await run("down");
  expect(status).toMatch(/RabbitMQ/u);
  // Ctrl+C reaches every process of the group at once, the servers too.
  process.kill(-(services.pid ?? Number.NaN), "SIGINT");
  expect(await ended).toEqual([0, null]);
  rmSync(home, { recursive: true, force: true });
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
});

test("a stack that is none is a usage error", async () => {
  const wrong = spawn(process.execPath, [program, "--stack", "nats"], { stdio: ["ignore", "ignore", "pipe"] });
  const [said, [code]] = await Promise.all([text(wrong.stderr), once(wrong, "exit")]);
  expect([said, code]).toEqual(["usage: make services [STACK=rabbit|kafka]\n", 2]);
});
