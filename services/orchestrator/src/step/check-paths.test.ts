import { readdirSync, writeFileSync } from "node:fs";
import path from "node:path";

import { ApprovalDecision, Envelope } from "@ossaat/contracts";
import type { DiffFile, SuccessCheck } from "@ossaat/contracts";
import { testStep } from "@ossaat/contracts/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { decideApproval } from "../approval/decide-approval.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack, ScriptedReply, ServerProcess } from "../testing/agent-stack.ts";
import { user } from "../testing/test-engine.ts";
import { findStrayPaths, strayText } from "./check-paths.ts";

const file = (name: string, changes: Partial<DiffFile> = {}): DiffFile => ({
  path: name,
  status: "modified",
  additions: 1,
  deletions: 0,
  binary: false,
  patch: "",
  truncated: false,
  ...changes,
});

describe("paths of a diff", () => {
  const envelope = Envelope.parse({ paths: ["src/**", "agents/known.md"] });
  const none = { paths: new Set<string>(), anyUnprotected: false };

  test.each<[string, DiffFile[], typeof none, string[]]>([
    ["inside are fine", [file("src/a.ts"), file("agents/known.md")], none, []],
    ["outside are named", [file("b.ts"), file("a.ts"), file("src/a.ts")], none, ["a.ts", "b.ts"]],
    [
      "protected below a glob are named",
      [file("src/.env"), file("src/AGENTS.md")],
      none,
      ["src/.env", "src/AGENTS.md"],
    ],
    [
      "moved away from outside are named",
      [file("src/a.ts", { status: "renamed", oldPath: "lib/a.ts" })],
      none,
      ["lib/a.ts"],
    ],
    ["a person approved are fine", [file("b.ts"), file(".env")], { ...none, paths: new Set(["b.ts", ".env"]) }, []],
    [
      "an approved command may write any that is not protected",
      [file("b.ts"), file(".npmrc")],
      { ...none, anyUnprotected: true },
      [".npmrc"],
    ],
  ])("%s", (_name, files, approved, stray) => {
    expect(findStrayPaths(files, { envelope, approved })).toEqual(stray);
  });

  test("are told to the model, long lists cut", () => {
    const many = Array.from({ length: 60 }, (_, index) => `f${index}`);
    expect([strayText(["a\nb"]).includes('"a\\nb"'), strayText(many).includes('"f49" and 10 more.')]).toEqual([
      true,
      true,
    ]);
  });
});

describe("a file that was written between two calls", () => {
  let stack: AgentStack;
  let server: ServerProcess;
  let planId: string;

  beforeAll(async () => {
    stack = await openAgentStack({
      files: {
        "src/a.ts": "1\n",
        "README.md": "read me\n",
        "package.json": '{"scripts":{"test":"node --test"}}\n',
        "a.test.js": "",
      },
    });
  });
  afterAll(() => stack.remove());

  /** What a process does that outlived its call: it writes after the call was settled. */
  function leaveBehind(name: string): void {
    const { tools } = server.deps;
    const folder = path.join(stack.engine.folder, "runner", "workspaces");
    server.deps.tools = {
      health: () => tools.health(),
      cancel: (id) => tools.cancel(id),
      async *execute(invocation, options) {
        yield* tools.execute(invocation, options);
        if (invocation.tool !== "write_file") return;
        const [workspace] = readdirSync(path.join(folder, planId));
        writeFileSync(path.join(folder, planId, workspace!, name), "stray\n");
      },
    };
  }

  const write = (name: string) => ({ name: "write_file", input: { path: name, content: "2\n", overwrite: true } });
  const finish = { name: "finish", input: { summary: "Done." } };

  async function start(
    successCheck: SuccessCheck,
    toolCalls: ScriptedReply["toolCalls"],
    arrange = () => leaveBehind("README.md"),
  ) {
    const reply = { toolCalls: toolCalls ?? [] };
    const model = stack.script([
      { match: { agent: "code-writer", turn: 1 }, reply },
      ...[2, 3, 4].map((turn) => ({ match: { agent: "code-writer", turn }, reply: { toolCalls: [finish] } })),
    ]);
    server = stack.process();
    const envelope = { tools: ["write_file", "run_tests", "run_command"], paths: ["src/**"], commands: ["true"] };
    planId = await server.storePlan([testStep("a", { successCheck, envelope })], { model });
    arrange();
    await server.run(planId);
  }
  const ended = async () => {
    const [step] = (await server.state(planId)).steps;
    return [step!.status, step!.reason, step!.message];
  };
  const approve = async () => {
    const { approvals } = await server.state(planId);
    const { approvalId, requestHash } = approvals.find(({ status }) => status === "pending")!;
    const decision = ApprovalDecision.parse({ decision: "approve", requestHash });
    await decideApproval(stack.engine, { approvalId, tenantId: "local", decision, actor: user });
    await server.run(planId);
  };

  test.each<SuccessCheck>([{ kind: "changes" }, { kind: "tests" }, { kind: "command", argv: ["true"] }])(
    "is refused before the commit, with the check $kind",
    async (check) => {
      await start(check, [write("src/a.ts"), finish]);
      expect(await ended()).toEqual([
        "failed",
        "check_failed",
        expect.stringMatching(/approved paths do not cover them: "README\.md"\. Undo these changes/),
      ]);
      expect(stack.git("branch", "--list", `ossaat/${planId}`)).toBe("");
    },
  );

  test("is fine when a person approved a change of this very file", async () => {
    await start({ kind: "changes" }, [write("README.md"), write("src/a.ts"), finish]);
    await approve();
    expect(await ended()).toEqual(["succeeded", undefined, undefined]);
  });

  test("is fine when a person approved a command outside the envelope, unless it is protected", async () => {
    const command = { name: "run_command", input: { argv: ["false"] } };
    await start({ kind: "changes" }, [command, write("src/a.ts"), finish]);
    await approve();
    const first = await ended();
    await start({ kind: "changes" }, [command, write("src/a.ts"), finish], () => leaveBehind(".npmrc"));
    await approve();
    expect([first[0], await ended()]).toEqual([
      "succeeded",
      ["failed", "check_failed", expect.stringContaining('cover them: ".npmrc".')],
    ]);
  });

  /** A file that appears after the last look at the diff, which is the second one of this check. */
  function writeAfterLooks(): void {
    const { workspaces } = server.deps;
    let looks = 0;
    const diff: typeof workspaces.diff = async (request, options) => {
      const found = await workspaces.diff(request, options);
      looks += 1;
      const folder = path.join(stack.engine.folder, "runner", "workspaces", planId, request.workspaceId);
      if (looks === 2) writeFileSync(path.join(folder, "README.md"), "stray\n");
      return found;
    };
    server.deps.workspaces = new Proxy(workspaces, {
      get: (target, name) => (name === "diff" ? diff : Reflect.get(target, name)),
    });
  }

  test("is refused by the commit itself when it comes after the check", async () => {
    await start({ kind: "changes" }, [write("src/a.ts"), finish], writeAfterLooks);
    expect(await ended()).toEqual([
      "failed",
      "policy",
      expect.stringContaining("Changed outside the approved paths: README.md."),
    ]);
    expect(stack.git("branch", "--list", `ossaat/${planId}`)).toBe("");
  });
});
