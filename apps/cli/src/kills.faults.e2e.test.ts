// The demo's run with the server killed at many moments: it always ends with the same branch
// content, and no finished model turn is bought twice.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import type { PlanState } from "@ossaat/contracts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { createContext } from "./command-context.ts";
import type { CommandContext } from "./command-context.ts";
import { loadConfig } from "./config.ts";
import type { Config } from "./config.ts";
import { countTurns } from "./demo/count-turns.ts";
import { makeSample } from "./demo/make-sample.ts";
import { runSample } from "./demo/run-sample.ts";
import { connect, stopServer } from "./server/connect.ts";
import { git } from "./testing/make-repository.ts";

const kills = 20;

/** Runs side by side: each waits much, for a server that comes up again and for the steps it takes back. */
const parallel = 2;

type Run = { state: PlanState; killed: boolean; delivered: number; boughtTwice: number; content: string };

let folder: string;
const configs: Config[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-kills-"));
});

afterEach(async () => {
  for (const config of configs.splice(0)) await stopServer(config);
  rmSync(folder, { recursive: true, force: true });
});

async function settings(name: string): Promise<Config> {
  const home = path.join(folder, name);
  const config = {
    ...(await loadConfig({
      environment: { ...process.env, OSSAAT_STATE_DIR: path.join(home, "state"), XDG_CACHE_HOME: path.join(home, "c") },
    })),
    modelRequestLog: path.join(home, "run", "model-requests.jsonl"),
  };
  configs.push(config);
  return config;
}

/** Everything a reviewer gets: the tree, and the subjects and changes of the commits. */
function branchContent(sample: string, state: PlanState): string {
  const { branch } = state;
  if (branch === undefined) return `no branch: ${state.message ?? state.status}`;
  return [
    git(sample, "rev-parse", `${branch}^{tree}`),
    git(sample, "log", "--reverse", "--format=%s%n%b", "--patch", `main..${branch}`).replaceAll(state.id, "<plan>"),
  ].join("\n");
}

/** A context that prints nothing. */
async function silent(): Promise<CommandContext> {
  const context = await createContext({ quiet: true });
  return { ...context, output: { ...context.output, print: () => undefined } };
}

/** Runs the sample once and kills the server when event `killAt` is seen; 0 = never. */
async function runOnce(name: string, killAt: number): Promise<Run> {
  const config = await settings(name);
  const sample = await makeSample(path.join(folder, name, "run"));
  const { client } = await connect(config);
  let killed = false;
  const state = await runSample({
    client,
    context: await silent(),
    sample,
    signal: new AbortController().signal,
    onEvent: (event) => {
      if (killed || killAt === 0 || !("seq" in event) || event.seq < killAt) return;
      killed = true;
      const text = readFileSync(path.join(config.stateDir, "server.json"), "utf8");
      process.kill((JSON.parse(text) as { pid: number }).pid, "SIGKILL");
    },
  });
  const turns = await countTurns(config.modelRequestLog ?? "");
  await stopServer(config);
  return { state, killed, ...turns, content: branchContent(sample, state) };
}

describe("SIGKILL", () => {
  test(`at ${kills} moments of one run changes nothing of its result`, async () => {
    const calm = await runOnce("calm", 0);
    expect(calm.state.status, calm.state.message).toBe("succeeded");
    const events = calm.state.lastSeq;
    const expected = { status: "succeeded", killed: true, delivered: calm.delivered, boughtTwice: 0 };
    let next = 1;
    const work = async () => {
      for (let n = next++; n <= kills; n = next++) {
        const killAt = Math.max(1, Math.floor((n * events) / (kills + 1)));
        const run = await runOnce(`kill-${n}`, killAt);
        const { killed, delivered, boughtTwice } = run;
        const seen = { status: run.state.status, killed, delivered, boughtTwice };
        expect({ killAt, ...seen, why: run.state.message }).toEqual({ killAt, ...expected, why: undefined });
        expect(run.content).toBe(calm.content);
      }
    };
    await Promise.all(Array.from({ length: parallel }, work));
  });
});
