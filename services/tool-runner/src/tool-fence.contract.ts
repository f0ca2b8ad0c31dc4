// What the newest holder of a step may rely on, whether the runner is in this process or another.
import type { ToolInvocation, WorkspaceId } from "@ossaat/contracts";
import { afterAll, beforeAll, expect, it } from "vitest";

import { refusal } from "./testing/connect-runner.ts";
import type { Connect, Services } from "./testing/connect-runner.ts";
import { survivors } from "./testing/marked-sleep.ts";
import { collectEvents, makeInvocation, openRunner, outcomeOf, shellArgv, testPlanId } from "./testing/open-runner.ts";
import type { OpenRunner } from "./testing/open-runner.ts";

export function describeFences(connect: Connect): void {
  let open: OpenRunner;
  let services: Services & { close(): Promise<void> };

  beforeAll(async () => {
    open = await openRunner({ "README.md": "# Title\n" });
    services = await connect({ tools: open.tools, workspaces: open.runner.workspaces });
  });
  afterAll(async () => {
    await services.close();
    await open.close();
  });

  const run = (invocation: ToolInvocation) => collectEvents(services.tools.execute(invocation));

  /** A working tree that only these cases know. */
  const held = async (name: string) => {
    const workspaceId = name as WorkspaceId;
    const { root: repositoryPath, base: commit } = open.repository;
    const take = (fence: number) =>
      services.workspaces.open({ workspaceId, planId: testPlanId, repositoryPath, commit, fence });
    const write = (fence: number | undefined, path: string) =>
      makeInvocation("write_file", { path, content: "x\n" }, { workspaceId, fence });
    const files = async () => (await services.workspaces.diff({ workspaceId })).files.map(({ path }) => path);
    await take(3);
    return { workspaceId, take, write, files };
  };
  const fenced = { state: "failed", code: "conflict" };

  it("refuses every call of a former holder, also after a restart, and changes nothing for it", async () => {
    const { workspaceId, take, write, files } = await held("fenced-1");
    expect(outcomeOf(await run(write(3, "mine.txt")))).toMatchObject({ state: "completed" });
    const { tree } = await take(5);
    expect(outcomeOf(await run(write(3, "late.txt")))).toMatchObject(fenced);
    const late = { workspaceId, fence: 4 };
    const { workspaces } = services;
    const authoredAt = "2026-01-01T00:00:00Z";
    for (const work of [
      () => take(4),
      () => workspaces.snapshot(late),
      () => workspaces.restore({ ...late, tree }),
      () => workspaces.diff(late),
      () => workspaces.commit({ ...late, message: "late", authoredAt, trailers: {} }),
      () => workspaces.merge({ ...late, heads: [], authoredAt }),
      () => workspaces.continueMerge({ ...late, authoredAt }),
    ]) {
      const { code, details } = await refusal(work());
      expect([code, details]).toEqual(["conflict", { reason: "fenced", newest: 5 }]);
    }
    expect(outcomeOf(await collectEvents(open.restart().tools.execute(write(4, "later.txt"))))).toMatchObject(fenced);
    expect(outcomeOf(await run(write(5, "next.txt")))).toMatchObject({ state: "completed" });
    expect(await files()).toEqual(["mine.txt", "next.txt"]);
  });

  it("of a new holder ends what a former one still runs", async () => {
    const { take, write, files, workspaceId } = await held("fenced-2");
    const mark = `43${Math.floor(Math.random() * 1e6)}.5`;
    const script = `echo on; sleep ${mark}; echo x > never.txt`;
    const invocation = makeInvocation("run_command", { argv: shellArgv(script) }, { workspaceId, fence: 3 });
    const running = services.tools.execute(invocation)[Symbol.asyncIterator]();
    await running.next();
    await running.next();
    await take(4);
    expect(outcomeOf(await run(invocation))).toMatchObject({ state: "cancelled" });
    await running.return?.();
    expect(outcomeOf(await run(write(4, "next.txt")))).toMatchObject({ state: "completed" });
    expect(await survivors(mark)).toEqual([]);
    expect(await files()).toEqual(["next.txt"]);
  });

  it("is asked of nobody who brings none, as callers of an earlier version", async () => {
    const { write, files } = await held("fenced-3");
    expect(outcomeOf(await run(write(undefined, "old.txt")))).toMatchObject({ state: "completed" });
    expect(await files()).toEqual(["old.txt"]);
  });

  it("of another plan's caller leaves the working tree to its own", async () => {
    const { write, files } = await held("fenced-4");
    const planId = "plan-00000000-0000-4000-8000-000000000002";
    expect(outcomeOf(await run({ ...write(9, "other.txt"), planId }))).toMatchObject({ code: "policy_denied" });
    expect(outcomeOf(await run(write(3, "own.txt")))).toMatchObject({ state: "completed" });
    expect(await files()).toEqual(["own.txt"]);
  });
}
