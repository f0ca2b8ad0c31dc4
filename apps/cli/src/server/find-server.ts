// The embedded server that runs now. Every command asks, so nothing is loaded for it that takes longer
// than the question: no node:crypto, no node:http.
import { closeSync, openSync, readSync } from "node:fs";

import { proveToken } from "@ossaat/contracts";

import type { Config } from "../config.ts";
import { readServerFile } from "./server-file.ts";
import type { ServerFile } from "./server-file.ts";
import { socketGet } from "./socket-get.ts";

/** A server that does not answer /healthz in this time is not there, ms. */
const probeMs = 2_000;

const challengeBytes = 24;

/** From the kernel's generator, which node:crypto draws from as well. */
function makeChallenge(): string {
  const bytes = Buffer.alloc(challengeBytes);
  const source = openSync("/dev/urandom", "r");
  try {
    if (readSync(source, bytes) !== challengeBytes) throw new Error("the system gives no random bytes");
  } finally {
    closeSync(source);
  }
  return bytes.toString("hex");
}

/** Whether a process has this id. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Whether the server that wrote the file is the one that answers: it has to know the token. */
export async function answers({ url, token, pid }: ServerFile): Promise<boolean> {
  if (!isAlive(pid)) return false;
  const challenge = makeChallenge();
  try {
    const answer = await socketGet(`${url}/healthz?challenge=${challenge}`, { signal: AbortSignal.timeout(probeMs) });
    if (answer === undefined) return false;
    const { proof } = JSON.parse(await answer.text()) as { proof?: unknown };
    return proof === proveToken(token, challenge);
  } catch {
    // Nobody there, or somebody who speaks another language: not our server either way.
    return false;
  }
}

/** The embedded server that runs now, if one does. */
export async function findServer(config: Config): Promise<ServerFile | undefined> {
  const file = readServerFile(config.stateDir);
  return file !== undefined && (await answers(file)) ? file : undefined;
}
