// A run that fails on the host's side may have written all the same.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { AgentError, Envelope } from "@ossaat/contracts";
import { afterEach, beforeEach, expect, it } from "vitest";

import { createEgress } from "../egress/open-egress.ts";
import { defaultSandboxLimits } from "../sandbox/limits.ts";
import { openWorkspaceFiles } from "../files/workspace-files.ts";
import { createGit } from "../git/git.ts";
import { createLogStore } from "../log/log-store.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { openRunner, testWorkspaceId, wideEnvelope } from "../testing/open-runner.ts";
import type { OpenRunner } from "../testing/open-runner.ts";
import { createLayout } from "../workspace/layout.ts";
import { TreeGuards } from "../workspace/tree-guard.ts";
import { loadWorkspace } from "../workspace/workspace-record.ts";
import { runCommand } from "./run-command.ts";
import { runTests } from "./run-tests.ts";
import type { ToolContext } from "./tool.ts";

let open: OpenRunner;

beforeEach(async () => {
  open = await openRunner({ "src/a.test.js": "", "package.json": '{"scripts":{"test":"node --test"}}' });
});
afterEach(() => open.close());

/** A driver whose run writes in and outside the envelope, and then breaks. */
function breakingSandbox(): Sandbox {
  return {
    driver: "none",
    egress: "uncontrolled",
    workspacePath: (dir) => dir,
    probe: async () => ({ usable: true, driver: "none", detail: "" }),
    run: async ({ workspaceDir }) => {
      writeFileSync(join(workspaceDir, "src/inside.js"), "x\n");
      writeFileSync(join(workspaceDir, "AGENTS.md"), "x\n");
      rmSync(join(workspaceDir, "package.json"));
      throw new AgentError("unavailable", "The box broke.");
    },
  };
}

async function brokenContext(): Promise<ToolContext> {
  const layout = createLayout(open.stateDir);
  const workspace = await loadWorkspace(layout, testWorkspaceId);
  return {
    workspace,
    files: openWorkspaceFiles(workspace.dir),
    git: createGit("git"),
    sandbox: breakingSandbox(),
    logs: createLogStore(layout.logs),
    caches: { forRun: () => Promise.resolve(undefined), drop: () => Promise.resolve() },
    trees: new TreeGuards(),
    emit: async () => undefined,
    deny: () => undefined,
    reach: () => undefined,
    limits: defaultSandboxLimits,
    envelope: Envelope.parse({ ...wideEnvelope, paths: ["src/**"] }),
    egress: createEgress({}, layout.box),
    step: { planId: "plan", stepId: "step", used: { up: 0, down: 0 } },
    approvedOutside: false,
    timeoutSeconds: 0,
    signal: new AbortController().signal,
  };
}

it.each([
  ["run_command", (context: ToolContext) => runCommand(context, { argv: ["true"], cwd: "." })],
  ["run_tests", (context: ToolContext) => runTests(context, {})],
])("undoes what a broken %s left outside the envelope", async (_name, run) => {
  await expect(run(await brokenContext())).rejects.toMatchObject({ code: "unavailable" });
  const files = ["src/inside.js", "AGENTS.md", "package.json"].map((path) => open.has(path));
  expect(files).toEqual([true, false, true]);
});
