// What run_command and run_tests promise on every sandbox driver.
import { readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Envelope, toolLimits } from "@ossaat/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openRunner, shellArgv, wideEnvelope } from "../testing/open-runner.ts";
import type { CallChanges, OpenRunner } from "../testing/open-runner.ts";

export function describeCommandTools(sandbox: "bubblewrap" | "none"): void {
  let open: OpenRunner;

  beforeAll(async () => {
    open = await openRunner(
      {
        "package.json": JSON.stringify({ name: "demo", type: "module", scripts: { test: "node --test" } }),
        "sum.test.js": `import test from "node:test"; import assert from "node:assert/strict"; import { sum } from "./sum.js";
test("adds", () => assert.equal(sum(1, 2), 3)); test.skip("later", () => {});`,
        "sum.js": "export const sum = (a, b) => a + b;\n",
        "src/keep.ts": "kept\n",
        ".gitignore": "build/\n",
        ".github/workflows/ci.yml": "on: push\n",
      },
      { sandbox },
    );
  });
  afterAll(() => open.close());

  const command = (script: string, more: object = {}, changes: CallChanges = {}) =>
    open.call("run_command", { argv: shellArgv(script), ...more }, changes);
  const unsandboxed = sandbox === "none" ? { unsandboxed: true } : {};

  describe("run_command", () => {
    it("reports how the command ended as evidence, with its whole output by reference", async () => {
      const outcome = await command("echo out; echo err >&2; exit 3");
      const [record] = outcome.output?.commands ?? [];
      expect(outcome).toEqual({
        state: "completed",
        text: expect.stringMatching(/^\[exited 3 after [\d.]+ s\]\n(?:out\nerr|err\nout)$/u),
        output: {
          text: outcome.text,
          snapshot: expect.stringMatching(/^[0-9a-f]{40}$/u),
          changedPaths: [],
          commands: [
            {
              argv: shellArgv("echo out; echo err >&2; exit 3"),
              cwd: ".",
              exitCode: 3,
              seconds: expect.any(Number),
              logRef: expect.stringMatching(/^[0-9a-f]{64}$/u),
              logBytes: 8,
            },
          ],
          ...unsandboxed,
        },
      });
      const log = await open.runner.workspaces.readLog({ logRef: record?.logRef ?? "" });
      expect(log.data.split("\n").sort()).toEqual(["", "err", "out"]);
    });

    it("shows head and tail of a long output and keeps all of it", async () => {
      const outcome = await command(
        "echo first; i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done; echo last",
      );
      expect(Buffer.byteLength(outcome.text)).toBeLessThan(toolLimits.maxOutputBytes + 300);
      expect(outcome.text).toMatch(
        /\nfirst\nline 0\n[\s\S]*bytes left out; the full output is in the log[\s\S]*\nline 4999\nlast$/u,
      );
      const { logRef = "", logBytes = 0 } = outcome.output?.commands?.[0] ?? {};
      const { data, totalBytes } = await open.runner.workspaces.readLog({ logRef });
      expect([data.split("\n").length, totalBytes]).toEqual([5_003, logBytes]);
    });

    it("ends at the smaller of its own and the call's time limit", async () => {
      const own = await command("sleep 30", { timeoutSeconds: 1 });
      expect(own.text).toContain("[ended after its time limit of 1 s after");
      expect(own.output?.commands).toMatchObject([{ exitCode: null, signal: "SIGKILL", timedOut: true }]);
      const outer = await command("sleep 30", { timeoutSeconds: 20 }, { timeoutSeconds: 1 });
      expect(outer.text).toContain("[ended after its time limit of 1 s after");
    });

    it("works in a folder, refuses a missing one", async () => {
      expect((await command("pwd; cat keep.ts", { cwd: "src" })).text).toMatch(/\/src\nkept$/u);
      expect(await command("true", { cwd: "missing" })).toMatchObject({ state: "failed", code: "not_found" });
    });

    it("says which hosts and secrets of the step grant nothing", async () => {
      const envelope = Envelope.parse({ ...wideEnvelope, egressHosts: ["localhost"], secrets: ["my secret"] });
      expect((await command("echo done", {}, { envelope })).text.split("\n")).toEqual([
        expect.stringMatching(/^\[exited 0 after/u),
        "These entries of the step grant nothing:",
        '- "localhost": a name of one word belongs to this machine or its network',
        `- "my secret": a secret's name holds letters, digits, dots, - and _ only`,
        "done",
      ]);
    });

    it("undoes what the envelope does not cover and says so", async () => {
      const envelope = Envelope.parse({ ...wideEnvelope, paths: ["src/**"] });
      const script =
        "echo new > src/new.ts; echo x > outside.txt; rm sum.js; echo changed > package.json; chmod +x src/keep.ts; mkdir -p build; echo b > build/out; ln -s /etc/passwd evil; mkdir 'a b'; printf x > 'a b/c\nd'";
      const outcome = await command(script, {}, { envelope });
      expect(outcome.output).toMatchObject({
        changedPaths: ["src/keep.ts", "src/new.ts"],
        revertedPaths: ["a b/c\nd", "evil", "outside.txt", "package.json", "sum.js"],
      });
      expect(outcome.text).toContain("[changes outside the approved paths were undone: ");
      expect([
        open.has("outside.txt"),
        open.has("sum.js"),
        open.has("evil"),
        open.has("build/out"),
        open.has("a b"),
      ]).toEqual([false, true, false, true, false]);
      expect(open.read("package.json")).toContain('"demo"');
    });

    it("undoes changes of a command that talks like a sandbox that could not be made", async () => {
      const envelope = Envelope.parse({ ...wideEnvelope, paths: ["src/**"] });
      const script = "echo 'bwrap: no permission' >&2; echo x > outside.txt; echo x > AGENTS.md; exit 1";
      const outcome = await command(script, {}, { envelope });
      expect(outcome).toMatchObject({ state: "completed", output: { revertedPaths: ["AGENTS.md", "outside.txt"] } });
      expect(outcome.text).toContain("[exited 1 after");
      expect([open.has("outside.txt"), open.has("AGENTS.md")]).toEqual([false, false]);
    });

    it("undoes changes of protected files even in a wide envelope and when the command was approved", async () => {
      const outcome = await command(
        "echo evil > .github/workflows/ci.yml; echo x > AGENTS.md; echo ok > fine.txt",
        {},
        { approvedOutside: true },
      );
      expect(outcome.output).toMatchObject({
        changedPaths: ["fine.txt"],
        revertedPaths: [".github/workflows/ci.yml", "AGENTS.md"],
      });
      expect(open.read(".github/workflows/ci.yml")).toBe("on: push\n");
    });

    it("keeps and undoes files whose names are no UTF-8", async () => {
      const envelope = Envelope.parse({ ...wideEnvelope, paths: ["src/**"] });
      const script = `printf x > "src/$(printf '\\377')"; printf x > "$(printf '\\376')"`;
      const outcome = await command(script, {}, { envelope });
      expect(outcome.output).toMatchObject({ changedPaths: ["src/\uFFFD"], revertedPaths: ["\uFFFD"] });
      expect(readdirSync(open.tree, { encoding: "buffer" }).filter((name) => name.includes(0xfe))).toEqual([]);
      expect(await open.call("git_status", {})).toMatchObject({ state: "completed" });
      await command(`rm "src/$(printf '\\377')"`);
    });

    it("records a repository made inside as plain files", async () => {
      const script =
        "mkdir -p sub/.git/hooks; echo 'ref: refs/heads/x' > sub/.git/HEAD; mkdir -p sub/.git/objects sub/.git/refs; echo f > sub/file; echo gitdir: /x > .git";
      const outcome = await command(script);
      expect(outcome.output?.changedPaths).toEqual(["sub/file"]);
      expect(open.has("sub/.git")).toBe(false);
    });

    it("follows no link that a command left behind when a tool writes", async () => {
      const target = join(open.stateDir, "target.txt");
      writeFileSync(target, "untouched");
      symlinkSync(target, join(open.tree, "trap.txt"));
      await command("mkdir -p trapped; ln -s ../../../.. trapped/up");
      const content = { content: "x", overwrite: true };
      expect(await open.call("write_file", { path: "trap.txt", ...content })).toMatchObject({ state: "failed" });
      expect(await open.call("write_file", { path: "trapped/up/target.txt", ...content })).toMatchObject({
        state: "failed",
      });
      expect(readFileSync(target, "utf8")).toBe("untouched");
    });

    it("streams output as it comes", async () => {
      const { collectEvents, makeInvocation } = await import("../testing/open-runner.ts");
      const events = await collectEvents(
        open.tools.execute(
          makeInvocation("run_command", {
            argv: shellArgv("printf 'gr\\303'; sleep 0.1; printf '\\274n'; echo x >&2"),
          }),
        ),
      );
      const text = (channel: string) =>
        events
          .map((event) => (event.state === "running" && event.chunk?.channel === channel ? event.chunk.data : ""))
          .join("");
      expect([text("stdout"), text("stderr")]).toEqual(["grün", "x\n"]);
    });
  });

  describe("run_tests", () => {
    it("finds the runner, runs it and reads its result", async () => {
      const passed = await open.call("run_tests", {});
      expect(passed.output?.tests).toEqual({
        runner: "node:test",
        status: "passed",
        passed: 1,
        failed: 0,
        skipped: 1,
        failures: [],
      });
      expect(passed.text).toMatch(/^node:test: passed \(1 passed, 0 failed, 1 skipped\) \[exited 0 after [\d.]+ s\]$/u);
    });

    it("names what failed, with its message", async () => {
      open.write("sum.js", "export const sum = (a, b) => a - b;\n");
      const failed = await open.call("run_tests", {});
      expect(failed.output?.tests).toMatchObject({ status: "failed", passed: 0, failed: 1 });
      expect(failed.output?.tests?.failures).toMatchObject([{ name: "adds" }]);
      expect(failed.output?.tests?.failures[0]?.message).toContain("3");
      open.write("sum.js", "export const sum = (a, b) => a + b;\n");
    });

    it("passes a filter on", async () => {
      const filtered = await open.call("run_tests", { filter: "nothing of that name" });
      expect(filtered.output?.tests?.status).not.toBe("failed");
      expect(filtered.output?.commands?.[0]?.argv).toContain("--test-name-pattern=nothing of that name");
    });

    it("never calls a crash or a timeout a pass", async () => {
      open.write("sum.js", "export const sum = 1; process.exit(3);\n");
      expect((await open.call("run_tests", {})).output?.tests?.status).not.toBe("passed");
      open.write("sum.js", "export const sum = 1; while (true);\n");
      expect((await open.call("run_tests", { timeoutSeconds: 1 })).output?.tests?.status).toBe("timeout");
      open.write("sum.js", "export const sum = (a, b) => a + b;\n");
    });
  });
}
