// What a person sees and types, in a real terminal.
import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { counterFiles, makeRepository } from "./testing/make-repository.ts";
import { createCli, ossaatEntry } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { call, counterFrame, editSum, finish, turns, writeScript } from "./testing/script.ts";
import { hasTmux, openTerminal } from "./testing/terminal.ts";
import type { Terminal } from "./testing/terminal.ts";

let cli: Cli;
let slow: string;
let asking: string;
let counter = 0;

const goal = "Let sum in src/sum.js add";

/** A command that tries to look like another one, and to draw over the card. */
const hostile = ["node", "--version", "\u001b[2J\u001b]0;title\u0007", "a\u202eb", "раypal", "it's $(here)"];

beforeAll(async () => {
  cli = await createCli({ LANG: "C.UTF-8", TERM: "xterm-256color" });
  const delayed = (delayMs: number, ...replies: Json[]) =>
    turns("code-writer", "fix", ...replies.map((reply) => ({ delayMs, ...reply })));
  slow = await writeScript(path.join(cli.folder, "slow.json"), [
    ...counterFrame,
    ...delayed(1_500, { toolCalls: [editSum] }, finish("Mended.")),
  ]);
  asking = await writeScript(path.join(cli.folder, "asking.json"), [
    ...counterFrame,
    ...delayed(
      2_000,
      { toolCalls: [call("run_command", { argv: hostile })] },
      { toolCalls: [editSum] },
      finish("Mended."),
    ),
  ]);
});

afterAll(() => cli.close());

type Session = {
  args: string[];
  columns?: number;
  rows?: number;
  env?: Record<string, string>;
  files?: Record<string, string>;
};

async function inTerminal(
  { args, columns = 80, rows = 30, env = {}, files }: Session,
  work: (terminal: Terminal, repository: string) => Promise<void>,
): Promise<void> {
  counter += 1;
  const repository = await makeRepository(path.join(cli.folder, `repository-${counter}`), files);
  const command = [process.execPath, ossaatEntry, ...args];
  const terminal = openTerminal({ command, cwd: repository, env: { ...cli.env, ...env }, columns, rows });
  try {
    await work(terminal, repository);
  } finally {
    terminal.close();
  }
}

const run = (model: string, ...more: string[]) => ["run", goal, "--model", model, ...more];
const linesOf = (text: string) => text.split("\n");
const count = (text: string, pattern: RegExp) => linesOf(text).filter((line) => pattern.test(line)).length;

describe.skipIf(!hasTmux)("the view of a run (needs tmux)", () => {
  test.each([80, 200])("fits %i columns: every line once, nothing left behind", async (columns) => {
    await inTerminal({ args: run(slow, "--yes"), columns }, async (terminal) => {
      const during = await terminal.waitFor(/running +fix/);
      expect(Math.max(...linesOf(during).map((line) => line.length))).toBeLessThanOrEqual(columns);
      await sleep(1_200);
      expect(count(terminal.screen(), /(?:running|done) +fix /)).toBe(1);
      const end = await terminal.waitFor(/ended with 0\./);
      expect(count(end, /done +fix /)).toBe(1);
      expect(count(end, /^Plan {6}plan-/)).toBe(1);
    });
  });

  test("leaves no rest of itself behind when Ctrl+C ends the watching", async () => {
    await inTerminal({ args: run(slow, "--yes"), columns: 120 }, async (terminal) => {
      await terminal.waitFor(/running +fix/);
      terminal.press("C-c");
      const hint = await terminal.waitFor(/Press Ctrl\+C again/);
      expect(count(hint, /^(?:\^C|Le)$/)).toBe(0);
      terminal.press("C-c");
      const end = await terminal.waitFor(/ended with 130\./);
      expect(count(end, /running +fix/)).toBe(0);
      expect(end).toMatch(/Cancelled\. What was done is kept/);
    });
  });

  test("stays whole when the terminal changes its size", async () => {
    await inTerminal({ args: run(slow, "--yes"), columns: 200 }, async (terminal) => {
      await terminal.waitFor(/running +fix/);
      terminal.resize(60, 30);
      await sleep(800);
      const small = terminal.screen();
      expect(Math.max(...linesOf(small).map((line) => line.length))).toBeLessThanOrEqual(60);
      expect(count(small, /(?:running|done) +fix/)).toBe(1);
      terminal.resize(120, 30);
      expect(count(await terminal.waitFor(/ended with 0\./), /done +fix /)).toBe(1);
    });
  });

  test("counts wide characters as the terminal does", async () => {
    const args = ["run", `Let sum in src/sum.js add ${"日本語".repeat(30)}`, "--model", slow, "--yes"];
    await inTerminal({ args }, async (terminal) => {
      await terminal.waitFor(/running +fix/);
      await sleep(2_000);
      expect(count(terminal.screen(), /(?:running|done) +fix/)).toBe(1);
      expect(count(terminal.screen(), /^Let sum/)).toBe(1);
      await terminal.waitFor(/ended with 0\./);
    });
  });

  test("has no colour where NO_COLOR or --color never says so", async () => {
    const file = path.join(cli.folder, "plain.raw");
    await inTerminal({ args: run(slow, "--yes", "--color", "never"), env: { NO_COLOR: "1" } }, async (terminal) => {
      terminal.record(file);
      await terminal.waitFor(/ended with 0\./);
    });
    // oxlint-disable-next-line no-control-regex -- colours are what is looked for
    expect(readFileSync(file, "utf8")).not.toMatch(/\u001b\[[0-9;]*m/);
  });

  test("goes on when a terminal that stopped reads again", async () => {
    await inTerminal({ args: run(slow, "--yes") }, async (terminal) => {
      await terminal.waitFor(/running +fix/);
      terminal.press("C-s");
      await sleep(3_000);
      terminal.press("C-q");
      expect(count(await terminal.waitFor(/ended with 0\./), /done +fix /)).toBe(1);
    });
  });
});

describe.skipIf(!hasTmux)("screen-reader mode (needs tmux)", () => {
  test("says each change once in words, moves no cursor and asks by numbers", async () => {
    const file = path.join(cli.folder, "reader.raw");
    await inTerminal({ args: run(slow, "--screen-reader", "--color", "never") }, async (terminal) => {
      terminal.record(file);
      await terminal.waitFor(/Type a number from 1 to 5/);
      terminal.type("1");
      terminal.press("Enter");
      await terminal.waitFor(/ended with 0\./);
    });
    const raw = readFileSync(file, "utf8").replaceAll("\r\n", "\n");
    // oxlint-disable-next-line no-control-regex -- control sequences are what is looked for
    expect(raw).not.toMatch(/\u001b|\r|[●◌✓✗·↻‖│]/);
    expect(raw).toMatch(/^\d\d:\d\d:\d\d fix: started \(attempt 1\)$/m);
    expect(count(raw, /fix: succeeded/)).toBe(1);
    expect(raw).toContain("1: Approve and run");
  });
});

describe.skipIf(!hasTmux)("an approval (needs tmux)", () => {
  async function pending(repository: string): Promise<Json[]> {
    const { value } = await cli.json(repository, ["show"]);
    return value.plan.approvals.filter(({ status }: Json) => status === "pending");
  }

  test("is not given by a key that was typed before or while its card appeared", async () => {
    await inTerminal({ args: run(asking, "--yes"), columns: 100, rows: 50 }, async (terminal, repository) => {
      await terminal.waitFor(/running +fix/);
      // The keys that would choose "Allow once", all along, and once more when the card is there.
      const hammer = () => terminal.press("Up", "Up", "Up", "Up", "Up", "Enter");
      for (let round = 0; round < 200 && !/Asked by/.test(terminal.screen()); round += 1) {
        hammer();
        await sleep(20);
      }
      hammer();
      await terminal.waitFor(/Your answer\?/);
      await sleep(500);
      expect(await pending(repository)).toHaveLength(1);
      expect(terminal.screen()).toMatch(/Your answer\?/);
      terminal.press("Up", "Up", "Up", "Up", "Up");
      await sleep(200);
      terminal.press("Enter");
      await terminal.waitFor(/ended with 0\./);
      expect(await pending(repository)).toEqual([]);
    });
  });

  const profile = readFileSync(new URL("../../../packages/agents/code-writer/agent.md", import.meta.url), "utf8");
  const files = {
    ...counterFiles,
    "agents/code-writer/agent.md": profile.replace(
      "\ncapabilities:",
      "\napproval_policy: {repo.write: human_approval}\ncapabilities:",
    ),
  };

  test.each([
    ["80 columns", { columns: 80, more: [] }],
    ["200 columns", { columns: 200, more: [] }],
    ["screen-reader mode", { columns: 80, more: ["--screen-reader", "--color", "never"] }],
  ])("of a step's start shows all that it lets happen, in %s", async (_title, { columns, more }) => {
    await inTerminal({ args: run(slow, "--yes", ...more), columns, rows: 60, files }, async (terminal) => {
      // A long line goes on in the next one, wherever the screen ends.
      const screen = (await terminal.waitFor(/Your answer\?/)).replaceAll("\n", "");
      expect(screen).toMatch(/Start step fix: /);
      expect(screen).toMatch(/ {2}tools {3}.*edit_file/);
      expect(screen).toMatch(/ {2}runs {4}/);
      expect(screen).toMatch(/ {2}done {4}when /);
      expect(screen).toMatch(/ {2}budget {2}/);
      expect(screen).toMatch(/Reaches {2}writes /);
    });
  });

  test("that another terminal gave takes the question from this one, which follows on", async () => {
    await inTerminal({ args: run(asking, "--yes"), columns: 100, rows: 50 }, async (terminal, repository) => {
      await terminal.waitFor(/Your answer\?/);
      const [approval] = await pending(repository);
      const approved = await cli.run(repository, ["approve", approval.approvalId]);
      expect(approved.code, approved.stderr).toBe(0);
      await terminal.waitFor(/Answered elsewhere\./);
      await terminal.waitFor(/ended with 0\./);
    });
  });

  test("of a plan that another terminal gave is taken away as well", async () => {
    await inTerminal({ args: run(slow), columns: 100, rows: 50 }, async (terminal, repository) => {
      await terminal.waitFor(/Run this plan\?/);
      const { value } = await cli.json(repository, ["show"]);
      const approved = await cli.run(repository, ["approve", value.plan.id]);
      expect(approved.code, approved.stderr).toBe(0);
      await terminal.waitFor(/ended with 0\./);
      expect(terminal.history()).toContain("Answered elsewhere.");
    });
  });

  test("shows what, who, reach and cost; nothing in it acts on the terminal", async () => {
    const file = path.join(cli.folder, "card.raw");
    await inTerminal({ args: run(asking, "--yes"), columns: 160, rows: 50 }, async (terminal) => {
      terminal.record(file);
      const screen = await terminal.waitFor(/Your answer\?/);
      for (const word of ["Risk", "Reaches", "Cost", "Goal", "Asked by", "Expires"]) expect(screen).toContain(word);
      expect(screen).toContain("'a\\u{202e}b'");
      expect(screen).toContain("\\u{440}\\u{430}ypal");
      expect(screen).toContain("'it'\\''s $(here)'");
      expect(screen).toMatch(/\$0\.\d+ of at most \$5, [\d.]+k? tokens so far/);
    });
    const raw = readFileSync(file, "utf8");
    expect([raw.includes("\u001b]"), raw.includes("\u202e"), raw.includes("раypal")]).toEqual([false, false, false]);
  });
});
