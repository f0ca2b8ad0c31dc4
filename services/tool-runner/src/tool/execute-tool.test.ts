import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { AgentError, Envelope, unreachableReason } from "@ossaat/contracts";
import type { ToolEvent, ToolInvocation } from "@ossaat/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { markedSleep, survivors } from "../testing/marked-sleep.ts";
import {
  collectEvents,
  makeInvocation,
  openRunner,
  outcomeOf,
  shellArgv,
  testWorkspaceId,
  wideEnvelope,
} from "../testing/open-runner.ts";
import type { OpenRunner } from "../testing/open-runner.ts";

let open: OpenRunner;
let now = new Date("2026-01-01T00:00:00.000Z");

beforeAll(async () => {
  open = await openRunner({ "README.md": "# Title\n" }, { clock: { now: () => now } });
});
afterAll(() => open.close());

const run = (invocation: ToolInvocation, signal?: AbortSignal) =>
  collectEvents(open.tools.execute(invocation, signal === undefined ? {} : { signal }));
const append = (path: string, changes = {}) =>
  makeInvocation("run_command", { argv: shellArgv(`echo x >> ${path}; echo done`) }, changes);
const lines = (path: string) => open.read(path).split("\n").length - 1;
const isTerminal = (event: ToolEvent) => event.state !== "running";

/** Reads up to the first event that carries output. */
async function started(events: AsyncIterator<ToolEvent>): Promise<void> {
  for (;;) {
    const next = await events.next();
    if (next.done === true) return;
    const { value } = next;
    if (value.state === "running" && value.chunk !== undefined) return;
  }
}

describe("a call", () => {
  it("begins with running, numbers its events and ends with exactly one terminal event", async () => {
    const events = await run(append("one.txt"));
    expect(events.map((event) => event.seq)).toEqual(events.map((_event, index) => index + 1));
    expect(events[0]).toEqual({ seq: 1, state: "running", occurredAt: "2026-01-01T00:00:00.000Z" });
    expect(events.filter(isTerminal)).toEqual([events.at(-1)]);
    expect(events.at(-1)).toMatchObject({
      state: "completed",
      output: { unsandboxed: true, changedPaths: ["one.txt"] },
    });
  });

  it("runs once however often its id is used: at the same time, afterwards and after a restart", async () => {
    const invocation = append("once.txt");
    const [first, second] = await Promise.all([run(invocation), run(invocation)]);
    expect(second.at(-1)).toEqual(first.at(-1));
    expect((await run(invocation)).at(-1)).toEqual(first.at(-1));
    const restarted = await collectEvents(open.restart().tools.execute(invocation));
    expect(restarted).toEqual([first.at(-1)]);
    expect(lines("once.txt")).toBe(1);
  });

  it("refuses an id that was used for something else, now and after a restart", async () => {
    const invocationId = randomUUID();
    await run(append("mine.txt", { invocationId }));
    const other = append("other.txt", { invocationId });
    const refused = await run(other).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(AgentError);
    expect(refused).toMatchObject({ code: "conflict" });
    expect(outcomeOf(await collectEvents(open.restart().tools.execute(other)))).toMatchObject({ code: "conflict" });
    expect(open.has("other.txt")).toBe(false);
  });

  it("goes on after the event a reader has seen", async () => {
    const invocation = makeInvocation("run_command", {
      argv: shellArgv("for i in 1 2 3; do echo $i; sleep 0.05; done"),
    });
    const all = await run(invocation);
    expect(all.length).toBeGreaterThan(2);
    expect(await run({ ...invocation, afterSeq: 1 })).toEqual(all.slice(1));
    expect(await run({ ...invocation, afterSeq: 1_000 })).toEqual(all.slice(-1));
    const restarted = await collectEvents(open.restart().tools.execute({ ...invocation, afterSeq: 2 }));
    expect(restarted).toEqual(all.slice(-1));
  });

  it("goes on when its reader leaves", async () => {
    const invocation = makeInvocation("run_command", { argv: shellArgv("echo on; sleep 0.1; echo x >> left.txt") });
    for await (const event of open.tools.execute(invocation)) if (event.state === "running") break;
    expect(outcomeOf(await run(invocation))).toMatchObject({ state: "completed" });
    expect(lines("left.txt")).toBe(1);
  });

  it("is not changed by what the caller does to its object afterwards", async () => {
    const invocation = append("stable.txt");
    const events = open.tools.execute(invocation)[Symbol.asyncIterator]();
    await events.next();
    invocation.inputJson = "{}";
    invocation.envelope.tools.length = 0;
    await started(events);
    await open.runner.workspaces.snapshot({ workspaceId: invocation.workspaceId });
    expect(open.has("stable.txt")).toBe(true);
  });
});

describe("a call that the runner did not finish", () => {
  const interrupted = async (effect: "once" | "idempotent") => {
    const file = `interrupted-${effect}.txt`;
    const envelope = Envelope.parse({ ...wideEnvelope, effect });
    const invocation = makeInvocation(
      "run_command",
      { argv: shellArgv(`echo x >> ${file}; echo on; [ $(wc -l < ${file}) -gt 1 ] || sleep 30`) },
      { envelope },
    );
    const events = open.tools.execute(invocation)[Symbol.asyncIterator]();
    await started(events);
    // The first runner still holds the call, as a killed one would have left it on disk.
    const outcome = outcomeOf(await collectEvents(open.restart().tools.execute(invocation)));
    await open.tools.cancel(invocation.invocationId);
    return { outcome, runs: lines(file) };
  };

  it("is not repeated when its effect may happen once only", async () => {
    const { outcome, runs } = await interrupted("once");
    expect(outcome).toMatchObject({ state: "failed", code: "tool_failed" });
    expect(outcome.message).toContain("whether it took effect is unknown");
    expect(runs).toBe(1);
  });

  it("runs again when its effect may be repeated", async () => {
    const { outcome, runs } = await interrupted("idempotent");
    expect(outcome).toMatchObject({ state: "completed" });
    expect(runs).toBe(2);
  });
});

describe("cancelling", () => {
  const sleeping = () => {
    const mark = `41${Math.floor(Math.random() * 1e6)}.5`;
    return { mark, invocation: makeInvocation("run_command", { argv: shellArgv(`echo on; exec sleep ${mark}`) }) };
  };

  it("by signal ends the process tree and the stream, with what was printed", async () => {
    const { mark, invocation } = sleeping();
    const abort = new AbortController();
    const events: ToolEvent[] = [];
    for await (const event of open.tools.execute(invocation, { signal: abort.signal })) {
      events.push(event);
      if (event.state === "running" && event.chunk !== undefined) abort.abort();
    }
    expect(outcomeOf(events)).toMatchObject({ state: "cancelled", code: "cancelled" });
    expect(outcomeOf(events).text).toContain("on");
    expect(await survivors(mark)).toEqual([]);
    expect((await run(invocation)).at(-1)).toEqual(events.at(-1));
  });

  it("by id does the same", async () => {
    const { mark, invocation } = sleeping();
    const events = open.tools.execute(invocation)[Symbol.asyncIterator]();
    await started(events);
    await open.tools.cancel(invocation.invocationId);
    expect(outcomeOf(await run(invocation))).toMatchObject({ state: "cancelled" });
    expect(await survivors(mark)).toEqual([]);
    await open.tools.cancel("never-seen");
    await open.tools.cancel(invocation.invocationId);
  });

  it("before the start runs nothing", async () => {
    const events = await run(append("never.txt"), AbortSignal.abort());
    expect(outcomeOf(events)).toMatchObject({ state: "cancelled" });
    expect(open.has("never.txt")).toBe(false);
  });

  it("ends a call that waits behind another one at once", async () => {
    const first = sleeping().invocation;
    const events = open.tools.execute(first)[Symbol.asyncIterator]();
    await started(events);
    const second = append("waiting.txt");
    const waiting = run(second);
    await open.tools.cancel(second.invocationId);
    expect(outcomeOf(await waiting)).toMatchObject({ state: "cancelled" });
    await open.tools.cancel(first.invocationId);
    expect(open.has("waiting.txt")).toBe(false);
  });
});

describe("a runner that stops", () => {
  const begin = async (script: string, runner = open.restart()) => {
    const invocation = makeInvocation("run_command", { argv: shellArgv(script) });
    const events = runner.tools.execute(invocation)[Symbol.asyncIterator]();
    await started(events);
    const rest = collectEvents({ [Symbol.asyncIterator]: () => events });
    return { runner, invocation, end: rest.then(outcomeOf, (error: unknown) => error) };
  };
  const broken = { code: "unavailable", details: { reason: unreachableReason } };

  it("breaks off what runs and what waits, without a result, and takes nothing more", async () => {
    const { seconds, mark } = markedSleep();
    const { runner, end } = await begin(`echo on; exec sleep ${seconds}`);
    const waiting = append("behind.txt");
    const behind = collectEvents(runner.tools.execute(waiting)).catch((error: unknown) => error);
    await runner.close(0);
    expect([await end, await behind]).toMatchObject([broken, broken]);
    await expect(collectEvents(runner.tools.execute(append("late.txt")))).rejects.toMatchObject(broken);
    expect([await survivors(mark), open.has("behind.txt"), open.has("late.txt")]).toEqual([[], false, false]);
    expect(outcomeOf(await run(waiting))).toMatchObject({ state: "completed" });
  });

  it("lets a call end that is nearly done, and keeps its result", async () => {
    const { runner, invocation, end } = await begin("echo on; sleep 0.1; echo x >> nearly.txt");
    await runner.close(20_000);
    expect(await end).toMatchObject({ state: "completed" });
    expect([outcomeOf(await run(invocation)), lines("nearly.txt")]).toMatchObject([{ state: "completed" }, 1]);
  });

  it("answers a call that its caller cancelled before", async () => {
    const { seconds } = markedSleep();
    const { runner, invocation, end } = await begin(`echo on; exec sleep ${seconds}`);
    await Promise.all([runner.tools.cancel(invocation.invocationId), runner.close(0)]);
    expect([await end, outcomeOf(await run(invocation))]).toMatchObject([
      { state: "cancelled" },
      { state: "cancelled" },
    ]);
  });
});

describe("what is checked before anything runs", () => {
  const refused = async (invocation: ToolInvocation) => {
    const events = await run(invocation);
    expect(events.filter(isTerminal)).toHaveLength(1);
    return outcomeOf(events);
  };

  it("the grant", async () => {
    const fits = append("granted.txt");
    expect(await refused({ ...fits, grant: "0".repeat(64) })).toMatchObject({ code: "policy_denied" });
    for (const changes of [
      { tool: "write_file" },
      { inputJson: JSON.stringify({ argv: ["true"] }) },
      { approvedOutside: true },
      { policyHash: "1".repeat(64) },
      { envelope: Envelope.parse({ ...wideEnvelope, paths: ["x"] }) },
      { grantExpiresAt: "2027-01-01T00:00:00.000Z" },
    ]) {
      const changed = { ...fits, ...changes, invocationId: randomUUID() };
      expect(await refused(changed)).toMatchObject({ state: "failed", code: "policy_denied" });
    }
    expect(open.has("granted.txt")).toBe(false);
  });

  it("the grant's expiry", async () => {
    const grantExpiresAt = "2026-01-01T00:05:00.000Z";
    expect(await refused(append("e.txt", { grantExpiresAt }))).toMatchObject({ state: "completed" });
    now = new Date("2026-01-01T00:05:00.000Z");
    const late = await refused(append("late.txt", { grantExpiresAt }));
    now = new Date("2026-01-01T00:00:00.000Z");
    expect(late).toMatchObject({ code: "policy_denied", message: "The grant has expired; it must be given again." });
    expect(await refused(append("late.txt", { grantExpiresAt: "soon" }))).toMatchObject({ code: "policy_denied" });
    expect(open.has("late.txt")).toBe(false);
  });

  it.each([
    ["an unknown tool", makeInvocation("rm_rf", {}), "not_found"],
    ["a name of every object", makeInvocation("constructor", {}), "not_found"],
    [
      "another capability",
      makeInvocation("read_file", { path: "README.md" }, { capability: "repo.write" }),
      "policy_denied",
    ],
    ["arguments that are no JSON", makeInvocation("read_file", "{"), "invalid_input"],
    ["a missing argument", makeInvocation("read_file", {}), "invalid_input"],
    ["an argument too many", makeInvocation("read_file", { path: "README.md", mode: "x" }), "invalid_input"],
    ["an argument of the wrong type", makeInvocation("run_command", { argv: "ls" }), "invalid_input"],
    ["arguments that are too large", makeInvocation("read_file", { path: "x".repeat(3_000_000) }), "limit_exceeded"],
    ["deep arguments", makeInvocation("read_file", `${"[".repeat(100_000)}${"]".repeat(100_000)}`), "invalid_input"],
    ["a tool outside the envelope", makeInvocation("git_log", {}, { envelope: Envelope.parse({}) }), "policy_denied"],
    ["a command outside the envelope", makeInvocation("run_command", { argv: ["id"] }), "policy_denied"],
    ["a folder that leads out", makeInvocation("run_command", { argv: ["true"], cwd: "../.." }), "policy_denied"],
    ["an unknown workspace", makeInvocation("git_status", {}, { workspaceId: "nope" as never }), "not_found"],
    [
      "a workspace of no valid name",
      makeInvocation("git_status", {}, { workspaceId: "../x" as never }),
      "invalid_input",
    ],
    ["a workspace of another plan", makeInvocation("git_status", {}, { planId: "plan-00000000" }), "policy_denied"],
  ])("%s", async (_name, invocation, code) => {
    expect(await refused(invocation)).toMatchObject({ state: "failed", code });
  });

  it("keeps the keys of every object out of parsed arguments", async () => {
    const outcome = await refused(makeInvocation("read_file", '{"path":"README.md","__proto__":{"startLine":99}}'));
    expect(["completed", "failed"]).toContain(outcome.state);
    expect(({} as { startLine?: number }).startLine).toBeUndefined();
  });
});

it("does not report a result that is too large to travel", async () => {
  open.write("control.txt", "\u0001".repeat(250 * 1024));
  for (const name of ["c2", "c3", "c4"]) open.write(name, "\u0001".repeat(250 * 1024));
  expect(await open.call("git_diff", {})).toMatchObject({ state: "failed", code: "limit_exceeded" });
});

it("gives the log the cause of a failure that its caller only hears of", async () => {
  const warned: { fields: Record<string, unknown>; message: string }[] = [];
  const logger = { warn: (fields: Record<string, unknown>, message: string) => void warned.push({ fields, message }) };
  const broken = await openRunner({ "a.txt": "a\n" }, { logger });
  try {
    writeFileSync(join(broken.stateDir, "meta", testWorkspaceId, "workspace.json"), "{");
    expect(await broken.call("list_files", {})).toMatchObject({ state: "failed", code: "internal" });
    expect(warned).toEqual([
      {
        fields: {
          invocationId: expect.any(String),
          tool: "list_files",
          code: "internal",
          cause: expect.any(SyntaxError),
        },
        message: "A tool call failed.",
      },
    ]);
  } finally {
    await broken.close();
  }
});
