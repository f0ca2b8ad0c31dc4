// Runs a process that works with a queue and dies by SIGKILL.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import type { JobEnvelope } from "@ossaat/contracts";

import { waitUntil } from "./wait-until.ts";
import type { WorkerOrder } from "./worker-process.ts";

/** A module that exports `openQueue(address)`, and the address of the queue. */
export type QueueEntry = { module: string; address: string };

const queueScript = fileURLToPath(new URL("queue-process.ts", import.meta.url));
const workerScript = fileURLToPath(new URL("worker-process.ts", import.meta.url));
const startMs = 60_000;

function run(script: string, words: readonly string[]) {
  const child = spawn(process.execPath, [script, ...words], { stdio: ["ignore", "pipe", "inherit"] });
  const said: string[] = [];
  child.stdout.on("data", (chunk: Buffer) => said.push(chunk.toString()));
  const lines = () => said.join("").split("\n").slice(0, -1);
  return { child, lines, ended: once(child, "exit") };
}

/** Kills the process as soon as it has said so many lines. */
async function killAfter({ child, lines, ended }: ReturnType<typeof run>, count: number): Promise<string[]> {
  await waitUntil("the other process is there", () => lines().length >= count || child.exitCode !== null, startMs);
  child.kill("SIGKILL");
  await ended;
  return lines();
}

/** Takes messages until it holds `count`, then dies. Returns the steps it held. */
export function consumeAndDie({ module, address }: QueueEntry, pool: string, count: number): Promise<string[]> {
  return killAfter(run(queueScript, [module, address, "consume", pool, String(count)]), count);
}

/** Works until it has a step as far as ordered, then dies. Returns the step. */
export async function workAndDie(order: WorkerOrder): Promise<string> {
  const [stepId] = await killAfter(run(workerScript, [JSON.stringify(order)]), 1);
  if (stepId === undefined) throw new Error("the worker ended before it had a step");
  return stepId;
}

/** Sends and dies before it can have heard an answer. */
export async function publishAndDie(entry: QueueEntry, pool: string, envelopes: readonly JobEnvelope[]): Promise<void> {
  const { module, address } = entry;
  const { ended } = run(queueScript, [module, address, "publish", pool, JSON.stringify(envelopes)]);
  const [code, signal] = (await ended) as [number | null, string | null];
  if (signal !== "SIGKILL") throw new Error(`the publishing process ended with ${code}`);
}
