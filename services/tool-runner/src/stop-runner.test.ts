// A runner that is told to stop while calls run: what their callers hear, what is left of them, and what the
// next runner does with their ids.
import { once } from "node:events";
import { readFileSync } from "node:fs";

import { AgentError, Envelope, unreachableReason } from "@ossaat/contracts";
import type { ToolEvent, WorkspaceId } from "@ossaat/contracts";
import { afterAll, afterEach, beforeEach, expect, it } from "vitest";

import { connectToolRunner } from "./grpc-client.ts";
import type { ToolRunnerClient } from "./grpc-client.ts";
import { markedSleep, survivors } from "./testing/marked-sleep.ts";
import {
  collectEvents,
  makeInvocation,
  outcomeOf,
  shellArgv,
  testPlanId,
  wideEnvelope,
} from "./testing/open-runner.ts";
import { spawnRunner } from "./testing/spawn-runner.ts";
import { makeTempDir } from "./testing/temp-dir.ts";
import { makeUserRepository } from "./testing/user-repository.ts";

const dir = makeTempDir();
const address = `unix:${dir.at("runner.sock")}`;
let child: ReturnType<typeof spawnRunner>;
let client: ToolRunnerClient;

async function start(): Promise<void> {
  child = spawnRunner(dir.path, {
    OSSAAT_RUNNER_ADDRESS: address,
    OSSAAT_RUNNER_STATE_DIR: dir.at("state"),
    OSSAAT_RUNNER_SANDBOX: "none",
  });
  await once(child.stdout, "data");
  client = connectToolRunner(address);
}

/** Tells it to stop and starts the next one. */
async function restart(): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
  client.close();
  await start();
}

const repository = makeUserRepository(dir.at("user"), { "a.txt": "a\n" });
beforeEach(start);
afterEach(async () => {
  client.close();
  if (child.exitCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
});
afterAll(() => dir.remove());

/** Effects of a call, which it appends to a file outside of its working tree. */
const effects = (name: string): number => readFileSync(dir.at(name), "utf8").split("\n").length - 1;

/** A call that has said something, in a working tree of its own, so that it waits for no other. */
async function begin(name: string, effect: "once" | "idempotent", then: string) {
  const workspaceId = `work-${name}` as WorkspaceId;
  const { root: repositoryPath, base: commit } = repository;
  await client.workspaces.open({ workspaceId, planId: testPlanId, repositoryPath, commit });
  const argv = shellArgv(`echo x >> ${dir.at(name)}; echo on; ${then}`);
  const envelope = Envelope.parse({ ...wideEnvelope, effect });
  const invocation = makeInvocation("run_command", { argv }, { envelope, workspaceId });
  const events = client.tools.execute(invocation)[Symbol.asyncIterator]();
  for (let hasSpoken = false; !hasSpoken;) {
    const { value, done } = await events.next();
    if (done === true) throw new Error("the call ended at once");
    hasSpoken = value.state === "running" && value.chunk !== undefined;
  }
  return { invocation, end: endOf({ [Symbol.asyncIterator]: () => events }) };
}

/** The terminal event, or the error that broke the stream. */
async function endOf(events: AsyncIterable<ToolEvent>): Promise<{ state: string; message?: string; details?: object }> {
  try {
    return outcomeOf(await collectEvents(events));
  } catch (error) {
    const { code, details } = AgentError.from(error);
    return { state: `broken: ${code}`, details };
  }
}

it("interrupts them as its death would: no answer, no result, nothing that runs on", async () => {
  const { seconds, mark } = markedSleep();
  const stays = (name: string): string => `[ $(wc -l < ${dir.at(name)}) -gt 1 ] || exec sleep ${seconds}`;
  const once = await begin("once", "once", stays("once"));
  const again = await begin("again", "idempotent", stays("again"));
  await restart();
  const broken = { state: "broken: unavailable", details: { reason: unreachableReason } };
  expect([await once.end, await again.end, await survivors(mark)]).toEqual([broken, broken, []]);
  const [afterOnce, afterAgain] = [once, again].map(({ invocation }) => endOf(client.tools.execute(invocation)));
  expect(await afterOnce).toMatchObject({
    state: "failed",
    message: "The runner stopped during this call; whether it took effect is unknown.",
  });
  expect(await afterAgain).toMatchObject({ state: "completed" });
  expect([effects("once"), effects("again")]).toEqual([1, 2]);
});
