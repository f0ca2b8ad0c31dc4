// Runs a process that works with a queue and dies by SIGKILL.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import type { JobEnvelope } from "@ossaat/contracts";

import { waitUntil } from "./wait-until.ts";

/** A module that exports `openQueue(address)`, and the address of the queue. */
export type QueueEntry = { module: string; address: string };

const script = fileURLToPath(new URL("queue-process.ts", import.meta.url));
const startMs = 60_000;

function run({ module, address }: QueueEntry, words: readonly string[]) {
  const child = spawn(process.execPath, [script, module, address, ...words], { stdio: ["ignore", "pipe", "inherit"] });
  const said: string[] = [];
  child.stdout.on("data", (chunk: Buffer) => said.push(chunk.toString()));
  const lines = () => said.join("").split("\n").slice(0, -1);
  return { child, lines, ended: once(child, "exit") };
}

/** Takes messages until it holds `count`, then dies. Returns the steps it held. */
export async function consumeAndDie(entry: QueueEntry, pool: string, count: number): Promise<string[]> {
  const { child, lines, ended } = run(entry, ["consume", pool, String(count)]);
  await waitUntil(
    "the other process holds messages",
    () => lines().length >= count || child.exitCode !== null,
    startMs,
  );
  child.kill("SIGKILL");
  await ended;
  return lines();
}

/** Sends and dies before it can have heard an answer. */
export async function publishAndDie(entry: QueueEntry, pool: string, envelopes: readonly JobEnvelope[]): Promise<void> {
  const { ended } = run(entry, ["publish", pool, JSON.stringify(envelopes)]);
  const [code, signal] = (await ended) as [number | null, string | null];
  if (signal !== "SIGKILL") throw new Error(`the publishing process ended with ${code}`);
}
