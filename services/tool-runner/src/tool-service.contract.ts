// What a caller of the runner may rely on, whether the runner is in this process or another.
import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { demandSandbox } from "@ossaat/contracts";
import type { ToolEvent, ToolInvocation, WorkspaceId } from "@ossaat/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { survivors } from "./testing/marked-sleep.ts";
import { refusal } from "./testing/connect-runner.ts";
import type { Connect, Services } from "./testing/connect-runner.ts";
import { collectEvents, makeInvocation, openRunner, outcomeOf, shellArgv, testPlanId } from "./testing/open-runner.ts";
import type { OpenRunner } from "./testing/open-runner.ts";

/** Settles when a value has not changed for a while. */
async function quiet(read: () => string): Promise<void> {
  for (let same = 0, last = ""; same < 10;) {
    const value = read();
    same = value === last && value !== "" ? same + 1 : 0;
    last = value;
    await sleep(25);
  }
}

export function describeToolService(connect: Connect): void {
  let open: OpenRunner;
  let services: Services & { close(): Promise<void> };

  beforeAll(async () => {
    open = await openRunner({ "README.md": "# Title\n", "a.txt": "one\n" });
    services = await connect({ tools: open.tools, workspaces: open.runner.workspaces });
  });
  afterAll(async () => {
    await services.close();
    await open.close();
  });

  const run = (invocation: ToolInvocation, signal?: AbortSignal) =>
    collectEvents(services.tools.execute(invocation, signal === undefined ? {} : { signal }));
  const command = (script: string, changes = {}) => makeInvocation("run_command", { argv: shellArgv(script) }, changes);

  describe("a call", () => {
    it("gives numbered events, output by channel and one terminal event with the whole result", async () => {
      const events = await run(command("echo öut; echo err >&2; echo x > made.txt; exit 4"));
      expect(events.map((event) => event.seq)).toEqual(events.map((_event, index) => index + 1));
      expect(events[0]).toEqual({ seq: 1, state: "running", occurredAt: expect.any(String) });
      const chunks = events.flatMap((event) =>
        event.state === "running" && event.chunk !== undefined ? [event.chunk] : [],
      );
      expect(chunks).toEqual(
        expect.arrayContaining([
          { channel: "stdout", data: "öut\n" },
          { channel: "stderr", data: "err\n" },
        ]),
      );
      const last = events.at(-1);
      expect(last).toEqual({
        seq: events.length,
        state: "completed",
        occurredAt: expect.any(String),
        summary: "node exited 4",
        output: {
          text: expect.stringContaining("öut"),
          snapshot: expect.any(String),
          changedPaths: ["made.txt"],
          unsandboxed: true,
          commands: [
            expect.objectContaining({
              exitCode: 4,
              argv: shellArgv("echo öut; echo err >&2; echo x > made.txt; exit 4"),
            }),
          ],
        },
      });
    });

    it("reports what went wrong with its exact code, message and details", async () => {
      const denied = makeInvocation("run_command", { argv: ["id"] });
      expect((await run(denied)).at(-1)).toEqual({
        seq: 2,
        state: "failed",
        occurredAt: expect.any(String),
        summary: "Outside what was approved: run id.",
        error: {
          code: "policy_denied",
          message: "Outside what was approved: run id.",
          details: {
            reason: "outside_envelope",
            what: "run id",
            denials: [{ layer: "envelope", rule: "outside_envelope", what: "Outside what was approved: run id." }],
          },
        },
      });
      for (const [invocation, code] of [
        [makeInvocation("read_file", { path: "none" }), "not_found"],
        [makeInvocation("read_file", {}), "invalid_input"],
        [makeInvocation("edit_file", { path: "a.txt", oldText: "zzz", newText: "y" }), "conflict"],
        [makeInvocation("nope", {}), "not_found"],
        [{ ...denied, invocationId: randomUUID(), grant: "0".repeat(64) }, "policy_denied"],
      ] as const) {
        expect(outcomeOf(await run(invocation))).toMatchObject({ state: "failed", code });
      }
    });

    it("is refused where its caller requires a sandbox and there is none", async () => {
      const demanding = makeInvocation("run_command", { argv: ["true"] }, { metadata: demandSandbox() });
      expect(outcomeOf(await run(demanding))).toMatchObject({
        state: "failed",
        code: "policy_denied",
        message: "The sandbox is required, and this tool runner has none.",
      });
    });

    it("is refused by an AgentError when its id was used for something else", async () => {
      const first = command("true");
      await run(first);
      const error = await refusal(run(makeInvocation("git_log", {}, { invocationId: first.invocationId })));
      expect([error.code, error.message]).toEqual(["conflict", "This invocation id was used for another call."]);
    });

    it("runs once, re-attaches, and goes on after the event that was seen", async () => {
      const invocation = command("echo x >> once.txt; for i in 1 2 3; do echo $i; sleep 0.05; done");
      const [all, again] = await Promise.all([run(invocation), run(invocation)]);
      expect(again.at(-1)).toEqual(all.at(-1));
      expect(await run({ ...invocation, afterSeq: 2 })).toEqual(all.slice(2));
      expect(open.read("once.txt")).toBe("x\n");
    });

    it("takes and gives large messages, and refuses larger ones as data", async () => {
      const content = "é".repeat(500_000);
      expect(outcomeOf(await run(makeInvocation("write_file", { path: "large.txt", content })))).toMatchObject({
        state: "completed",
      });
      expect(open.read("large.txt")).toBe(content);
      for (const size of [3_000_000, 6_000_000]) {
        const huge = makeInvocation("read_file", { path: "x".repeat(size) });
        expect(outcomeOf(await run(huge))).toMatchObject({ state: "failed", code: "limit_exceeded" });
      }
    });

    it("shares no value with its caller", async () => {
      const invocation = command("echo kept");
      const events = await run(invocation);
      const last = events.at(-1);
      if (last?.state === "completed") last.output.text = "changed";
      expect(outcomeOf(await run(invocation)).text).toContain("kept");
    });
  });

  describe("cancelling", () => {
    const sleeping = () => {
      const mark = `42${Math.floor(Math.random() * 1e6)}.5`;
      return { mark, invocation: command(`echo on; exec sleep ${mark}`) };
    };

    it("by signal reaches the process and ends the stream with its terminal event", async () => {
      const { mark, invocation } = sleeping();
      const abort = new AbortController();
      const events: ToolEvent[] = [];
      for await (const event of services.tools.execute(invocation, { signal: abort.signal })) {
        events.push(event);
        if (event.state === "running" && event.chunk !== undefined) abort.abort();
      }
      expect(outcomeOf(events)).toMatchObject({ state: "cancelled", code: "cancelled" });
      expect(await survivors(mark)).toEqual([]);
    });

    it("before the start does the same", async () => {
      const { mark, invocation } = sleeping();
      expect(outcomeOf(await run(invocation, AbortSignal.abort()))).toMatchObject({ state: "cancelled" });
      expect(await survivors(mark)).toEqual([]);
    });

    it("by id reaches the process", async () => {
      const { mark, invocation } = sleeping();
      const running = run(invocation);
      const other = services.tools.execute(invocation)[Symbol.asyncIterator]();
      await other.next();
      await services.tools.cancel(invocation.invocationId);
      expect(outcomeOf(await running)).toMatchObject({ state: "cancelled" });
      expect(await survivors(mark)).toEqual([]);
      await other.return?.();
    });

    it("by an id that has not come yet answers it when it comes, after a restart, too, and runs nothing", async () => {
      const late = command("echo x > late.txt");
      await services.tools.cancel(late.invocationId);
      const cancelled = { state: "cancelled", code: "cancelled", message: "The call was cancelled." };
      expect(outcomeOf(await run(late))).toMatchObject(cancelled);
      expect(outcomeOf(await collectEvents(open.restart().tools.execute(late)))).toMatchObject(cancelled);
      expect(open.has("late.txt")).toBe(false);
    });

    it("by the id of a call that ended changes nothing", async () => {
      const ended = command("true");
      const events = await run(ended);
      await services.tools.cancel(ended.invocationId);
      expect((await run(ended)).at(-1)).toEqual(events.at(-1));
    });

    it("reaches a workspace call that waits", async () => {
      const { invocation } = sleeping();
      const events = services.tools.execute(invocation)[Symbol.asyncIterator]();
      await events.next();
      await events.next();
      const abort = new AbortController();
      const waiting = services.workspaces.snapshot({ workspaceId: invocation.workspaceId }, { signal: abort.signal });
      abort.abort();
      expect((await refusal(waiting)).code).toBe("cancelled");
      await services.tools.cancel(invocation.invocationId);
      await events.return?.();
    });
  });

  it("slows the command down when its reader is slow, and loses nothing", async () => {
    const parts = 192;
    const script = `i=0; while [ $i -lt ${parts} ]; do head -c 65536 /dev/zero | tr '\\0' a; i=$((i+1)); echo $i > ../../../count; done`;
    const events = services.tools.execute(command(script))[Symbol.asyncIterator]();
    await events.next();
    const count = () => {
      try {
        return readFileSync(join(open.stateDir, "count"), "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
        throw error;
      }
    };
    await quiet(count);
    const whileSlow = Number(count());
    let bytes = 0;
    let last: ToolEvent | undefined;
    for (let next = await events.next(); next.done !== true; next = await events.next()) {
      last = next.value;
      if (last.state === "running") bytes += last.chunk?.data.length ?? 0;
    }
    expect(whileSlow).toBeLessThan(parts / 2);
    expect(bytes).toBe(parts * 65_536);
    expect(last?.state).toBe("completed");
  });

  it("says how it is", async () => {
    expect(await services.tools.health()).toEqual(await open.tools.health());
  });

  describe("workspaces", () => {
    const authoredAt = "2026-01-01T00:00:00.000Z";
    const id = (name: string) => name as WorkspaceId;
    const place = () => ({ planId: testPlanId, repositoryPath: open.repository.root });

    it("go through their whole life", async () => {
      const { workspaces } = services;
      const { base, root } = open.repository;
      const info = { root, branch: "main", headCommit: base, baseCommit: base, dirtyPaths: 0 };
      expect(await workspaces.inspect({ path: root })).toEqual(info);
      const heads = [];
      for (const name of ["s1", "s2"]) {
        const workspaceId = id(name);
        const { tree } = await workspaces.open({ workspaceId, ...place(), commit: base });
        const edit = { path: "a.txt", content: `${name}\n`, overwrite: true };
        await run(makeInvocation("write_file", edit, { workspaceId }));
        const { files } = await workspaces.diff({ workspaceId });
        expect(files).toEqual([
          {
            path: "a.txt",
            status: "modified",
            additions: 1,
            deletions: 1,
            binary: false,
            truncated: false,
            patch: expect.stringContaining(`-one\n+${name}\n`),
          },
        ]);
        const snapshot = await workspaces.snapshot({ workspaceId });
        await workspaces.restore({ workspaceId, tree });
        expect((await workspaces.diff({ workspaceId })).files).toEqual([]);
        await workspaces.restore({ workspaceId, ...snapshot });
        const made = await workspaces.commit({ workspaceId, message: name, authoredAt, trailers: { "Step-Id": name } });
        expect(made).toEqual({ commit: expect.stringMatching(/^[0-9a-f]{40}$/u), tree: snapshot.tree, files });
        heads.push({ stepId: name, head: made.commit });
      }
      await workspaces.open({ workspaceId: id("m"), ...place(), commit: base });
      const conflict = await workspaces.merge({ workspaceId: id("m"), heads, authoredAt });
      expect(conflict).toEqual({
        status: "conflict",
        files: ["a.txt"],
        applying: "s2",
        details: expect.stringContaining("CONFLICT"),
      });
      await run(
        makeInvocation("write_file", { path: "a.txt", content: "both\n", overwrite: true }, { workspaceId: id("m") }),
      );
      const merged = await workspaces.continueMerge({ workspaceId: id("m"), authoredAt });
      expect(merged).toEqual({ status: "merged", head: expect.any(String), tree: expect.any(String) });
      const commit = merged.status === "merged" ? merged.head : "";
      expect((await workspaces.diffCommits({ ...place(), from: base, to: commit })).files).toHaveLength(1);
      expect(await workspaces.publish({ ...place(), branch: "ossaat/x", commit })).toEqual({
        branch: "ossaat/x",
        commit,
      });
      expect(open.repository.git("rev-parse", "ossaat/x")).toBe(commit);
    });

    it("commit only what is allowed, and name what is not", async () => {
      const { workspaces } = services;
      const workspaceId = id("bounded");
      await workspaces.open({ workspaceId, ...place(), commit: open.repository.base });
      const { stateDir } = open;
      const tree = join(stateDir, "workspaces", testPlanId, workspaceId);
      // Past every tool, as after a crash in the middle of a command.
      for (const path of ["src/a.ts", "b.txt", ".github/workflows/ci.yml"]) {
        mkdirSync(dirname(join(tree, path)), { recursive: true });
        writeFileSync(join(tree, path), "x\n");
      }
      const commit = (allowedPaths?: string[]) =>
        workspaces.commit({
          workspaceId,
          message: "x",
          authoredAt,
          trailers: {},
          ...(allowedPaths === undefined ? {} : { allowedPaths }),
        });
      const refused = await refusal(commit(["src/**", "**/*.yml"]));
      expect([refused.code, refused.message, refused.details]).toEqual([
        "policy_denied",
        "Changed outside the approved paths: .github/workflows/ci.yml, b.txt.",
        { reason: "outside_envelope", paths: [".github/workflows/ci.yml", "b.txt"], total: 2 },
      ]);
      expect((await refusal(commit([]))).details).toMatchObject({ total: 3 });
      const approved = await commit(["src/**", "b.txt", ".github/workflows/ci.yml"]);
      expect(approved.files).toHaveLength(3);
      expect(await commit()).toEqual(approved);
    });

    it("refuse with the exact code, message and details", async () => {
      const { workspaces } = services;
      const missing = await refusal(workspaces.inspect({ path: open.repository.root, baseRef: "nope" }));
      expect([missing.code, missing.details]).toEqual(["invalid_input", { next: "git branch --all" }]);
      expect((await refusal(workspaces.snapshot({ workspaceId: id("unknown") }))).code).toBe("not_found");
      open.repository.git("branch", "taken");
      const work = { workspaceId: id("work-1"), message: "x", authoredAt, trailers: {} };
      await run(makeInvocation("write_file", { path: "later.txt", content: "l" }));
      const { commit } = await workspaces.commit(work);
      const taken = await refusal(workspaces.publish({ ...place(), branch: "taken", commit }));
      expect([taken.code, taken.details]).toEqual([
        "conflict",
        { branch: "taken", commit: open.repository.base, next: "git branch -m taken taken-old" },
      ]);
      expect((await refusal(workspaces.readLog({ logRef: "0".repeat(64) }))).code).toBe("not_found");
    });

    it("stream a diff that is larger than one message, and read logs in parts", async () => {
      const script = `node -e 'for (let i = 0; i < 60; i++) require("fs").writeFileSync("big" + i, "y".repeat(79).concat("\\n").repeat(1000))'; head -c 3000000 /dev/zero | tr '\\0' '\\377'`;
      const last = outcomeOf(await run(command(script)));
      const { files } = await services.workspaces.diff({ workspaceId: id("work-1") });
      expect(files.filter((file) => file.path.startsWith("big"))).toHaveLength(60);
      const { logRef = "" } = last.output?.commands?.[0] ?? {};
      const part = await services.workspaces.readLog({ logRef, fromByte: 10, maxBytes: 5_000_000 });
      expect([part.totalBytes, part.data.length]).toEqual([3_000_000, 1024 * 1024]);
    });

    it("write a plan's record, in several messages when it is large", async () => {
      const files = ["a.json", "b.json", "c.json"].map((name) => ({ name, content: name.repeat(400_000) }));
      await services.workspaces.writeRecord({ ...place(), files });
      for (const { name, content } of files) expect(open.repository.read(`.plans/${testPlanId}/${name}`)).toBe(content);
      const large = [{ name: "large", content: "x".repeat(5_000_000) }];
      expect((await refusal(services.workspaces.writeRecord({ ...place(), files: large }))).code).toBe(
        "limit_exceeded",
      );
    });

    it("name the plans they are of, a page after the other", async () => {
      const { planIds } = await services.workspaces.listKept({});
      expect([planIds.includes(testPlanId), planIds]).toEqual([true, planIds.toSorted()]);
      expect(await services.workspaces.listKept({ after: planIds.at(-1) })).toEqual({ planIds: [] });
      const behind = await services.workspaces.listKept({ after: "plan-" });
      expect(behind).toEqual({ planIds });
    });

    it("are removed with their plan", async () => {
      const planId = "plan-00000000";
      await services.workspaces.open({ workspaceId: id("gone"), ...place(), planId, commit: open.repository.base });
      await services.workspaces.remove({ planId });
      expect((await refusal(services.workspaces.snapshot({ workspaceId: id("gone") }))).code).toBe("not_found");
    });
  });
}
