// A disk that fills up in the middle of a run: nothing is lost, nothing is half done, and the run
// goes on when there is room again.
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { DatabaseSync } from "node:sqlite";

import type { PlanState } from "@ossaat/contracts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { createContext } from "./command-context.ts";
import { loadConfig } from "./config.ts";
import type { Config } from "./config.ts";
import { countTurns } from "./demo/count-turns.ts";
import { makeSample } from "./demo/make-sample.ts";
import { runSample } from "./demo/run-sample.ts";
import { connect, stopServer } from "./server/connect.ts";
import { git } from "./testing/make-repository.ts";

/** Share of the run's events after which the disk is full. */
const moments = [0.35, 0.85];
/** How long it stays full, ms: longer than a heartbeat, so that leases cannot be kept either. */
const fullMs = 12_000;
const diskBytes = 96 * 1024 * 1024;

const canMount = process.getuid?.() === 0;

let folder: string;
let disk: string;
let config: Config;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-disk-"));
  disk = path.join(folder, "disk");
  mkdirSync(disk);
  if (canMount) execFileSync("mount", ["-t", "tmpfs", "-o", `size=${diskBytes}`, "tmpfs", disk]);
  config = await loadConfig({
    environment: { ...process.env, OSSAAT_STATE_DIR: path.join(disk, "state"), XDG_CACHE_HOME: path.join(folder, "c") },
  });
  config = { ...config, modelRequestLog: path.join(folder, "model-requests.jsonl") };
});

afterEach(async () => {
  await stopServer(config);
  if (canMount) execFileSync("umount", ["-l", disk]);
  rmSync(folder, { recursive: true, force: true });
});

const ballast = () => path.join(disk, "ballast");

/** Takes every byte that is left, whatever else is written meanwhile. */
function fillDisk(): void {
  const file = openSync(ballast(), "w");
  const chunk = Buffer.alloc(4_096);
  try {
    for (;;) writeSync(file, chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    closeSync(file);
  }
}

type Run = { state: PlanState; content: string; delivered: number; boughtTwice: number };

async function runOnce(name: string, fullAt: number): Promise<Run> {
  const sample = await makeSample(path.join(folder, name));
  const { client } = await connect(config);
  const context = await createContext({ quiet: true });
  let isFilled = false;
  const state = await runSample({
    client,
    context: { ...context, output: { ...context.output, print: () => undefined } },
    sample,
    signal: new AbortController().signal,
    onEvent: (event) => {
      if (isFilled || !("seq" in event) || event.seq < fullAt) return;
      isFilled = true;
      fillDisk();
      setTimeout(() => rmSync(ballast(), { force: true }), fullMs);
    },
  });
  const { branch } = state;
  const content = branch === undefined ? `no branch: ${state.message}` : git(sample, "rev-parse", `${branch}^{tree}`);
  return { state, content, ...(await countTurns(config.modelRequestLog ?? "")) };
}

let calm: Run;

describe.skipIf(!canMount)("a disk that is full for a while (needs root to mount one)", () => {
  test.each(moments)("from %f of a run on delays it, and changes nothing of its result", async (moment) => {
    calm ??= await runOnce("calm", Number.POSITIVE_INFINITY);
    expect(calm.state.status, calm.state.message).toBe("succeeded");
    const run = await runOnce("full", Math.floor(calm.state.lastSeq * moment));
    expect([run.state.status, run.state.message, run.content]).toEqual(["succeeded", undefined, calm.content]);
    expect(await stopServer(config)).toBe(true);
    const database = new DatabaseSync(path.join(config.stateDir, "ossaat.db"), { readOnly: true });
    expect(database.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
    database.close();
  });
});
