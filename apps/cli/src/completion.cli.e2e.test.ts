// Completion in the shells themselves: the script is sourced, Tab is pressed.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { completionScripts } from "./completion/scripts.ts";
import type { Shell } from "./completion/scripts.ts";
import { makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli } from "./testing/run-ossaat.ts";
import { hasTmux, openTerminal } from "./testing/terminal.ts";
import type { Terminal } from "./testing/terminal.ts";

let cli: Cli;
let repository: string;
let planId: string;

const binFolder = fileURLToPath(new URL("../bin", import.meta.url));

beforeAll(async () => {
  cli = await createCli();
  repository = await makeRepository(path.join(cli.folder, "repository"));
  const plan = await cli.json(repository, ["plan", "Let sum add", "--model", "none"]);
  planId = plan.value.plan.id;
  mkdirSync(path.join(repository, "some-folder"));
  for (const [shell, script] of Object.entries(completionScripts)) {
    writeFileSync(path.join(cli.folder, `ossaat.${shell}`), script);
  }
});

afterAll(() => cli.close());

async function complete(...words: string[]): Promise<string[]> {
  const result = await cli.run(repository, ["__complete", "--", ...words]);
  expect(result.code, result.stderr).toBe(0);
  return result.stdout.split("\n").flatMap((line) => (line === "" ? [] : [line.split("\t")[0] ?? ""]));
}

describe("ossaat __complete", () => {
  test("knows commands, subcommands and flags from the command tree", async () => {
    expect(await complete("pl")).toEqual(["plan", "plans"]);
    expect(await complete("config", "")).toEqual(["list", "get", "explain", "set", "unset", "trust", "untrust"]);
    expect(await complete("plan", "--max-")).toEqual(["--max-cost", "--max-tokens", "--max-minutes"]);
    expect(await complete("")).not.toContain("__complete");
    expect(await complete("--scr")).toEqual(["--screen-reader"]);
  });

  test("knows the values of flags and settings, and where files stand", async () => {
    expect(await complete("run", "--on-approval", "")).toEqual(["park", "deny", "fail"]);
    expect(await complete("runs", "--color", "=", "al")).toEqual(["always"]);
    expect(await complete("config", "set", "budget.")).toEqual([
      "budget.maxCostUsd",
      "budget.maxTokens",
      "budget.maxMinutes",
    ]);
    expect(await complete("config", "set", "runMode", "")).toEqual(["consumer", "enterprise"]);
    expect(await complete("edit", "--file", "")).toEqual([":files"]);
    expect(await complete("-C", "")).toEqual([":folders"]);
  });

  test("knows the plans of the running server, and starts none", async () => {
    expect(await complete("show", "plan-")).toEqual([planId]);
    expect(await complete("show", "plan-", "")).toEqual([]);
    await cli.run(repository, ["down"]);
    expect(await complete("show", "plan-")).toEqual([]);
    expect(await cli.serverPid()).toBeUndefined();
    await cli.run(repository, ["up", "--detach"]);
  });

  test("is silent about settings that cannot be read", async () => {
    const result = await cli.run(repository, ["__complete", "--", "pl"], { env: { OSSAAT_SLOTS: "x" } });
    expect(result).toMatchObject({ code: 0, stderr: "" });
  });
});

const startOf: Readonly<Record<Shell, { command: string[]; load: string }>> = {
  bash: { command: ["bash", "--norc", "--noprofile", "-i"], load: "source ../ossaat.bash" },
  zsh: { command: ["zsh", "-f", "-i"], load: "source ../ossaat.zsh" },
  fish: { command: ["fish", "--no-config", "-i"], load: "source ../ossaat.fish" },
};

const has = (program: string) => spawnSync(program, ["--version"]).status === 0;

describe.each(["bash", "zsh", "fish"] as const)("%s", (shell) => {
  const { command, load } = startOf[shell];

  async function inShell(work: (terminal: Terminal) => Promise<void>): Promise<void> {
    const env = { ...cli.env, PATH: `${binFolder}:${cli.env["PATH"] ?? ""}`, PS1: "$ ", LANG: "C.UTF-8" };
    const terminal = openTerminal({ command, cwd: repository, env, columns: 150 });
    try {
      terminal.type(`${load} && echo load"ed"`);
      terminal.press("Enter");
      await terminal.waitFor(/^loaded/m);
      await work(terminal);
    } finally {
      terminal.close();
    }
  }

  test.skipIf(!hasTmux || !has(shell))(
    "completes a command, a plan and a folder at Tab (needs tmux and the shell)",
    async () => {
      await inShell(async (terminal) => {
        terminal.type("ossaat demo");
        terminal.press("C-u");
        terminal.type("ossaat compl");
        terminal.press("Tab");
        await terminal.waitFor(/ossaat completion ?$/m);
        terminal.press("C-u");
        terminal.type("ossaat show plan-");
        terminal.press("Tab");
        await terminal.waitFor(new RegExp(`ossaat show ${planId}`));
        terminal.press("C-u");
        terminal.type("ossaat -C some-f");
        terminal.press("Tab");
        await terminal.waitFor(/ossaat -C some-folder\/?/);
        terminal.press("C-u");
        terminal.type("ossaat config un");
        terminal.press("Tab", "Tab");
        expect(await terminal.waitFor(/unset/)).toMatch(/untrust/);
      });
    },
  );
});
