// Every example of every command's help runs, in a shell, in a repository prepared for it.
import { spawn } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { Command } from "commander";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createProgram } from "./program.ts";
import { examplesOf, listCommands, withExamples } from "./program/examples.ts";
import { makePlace, worldOf } from "./testing/example-worlds.ts";
import type { ExamplePlace, World } from "./testing/example-worlds.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, CliResult } from "./testing/run-ossaat.ts";

let cli: Cli;

const binFolder = fileURLToPath(new URL("../bin", import.meta.url));

beforeAll(async () => {
  cli = await createCli({ OSSAAT_MODEL: "scripted:replies.json" });
});

afterAll(() => cli.close());

type Case = { name: string; line: string };

function casesOf(program: Command): Case[] {
  const all = [{ name: "", command: program }, ...listCommands(program)];
  return all.flatMap(({ name, command }) => examplesOf(command).map(([line]) => ({ name, line })));
}

const program = createProgram(() => undefined);
const cases = casesOf(program);

/** Commands that only look share one repository. */
const shared = new Map<World, Promise<ExamplePlace>>();
const onlyLooks = new Set([
  "diff",
  "show",
  "logs",
  "cost",
  "context",
  "replay",
  "agents",
  "config list",
  "config get",
  "dlq show",
]);
let made = 0;

function placeFor({ name, line }: Case): Promise<ExamplePlace> {
  const world = worldOf(name, line);
  const make = () => makePlace(cli, world, `${world}-${(made += 1)}`);
  if (!onlyLooks.has(name)) return make();
  const known = shared.get(world) ?? make();
  shared.set(world, known);
  return known;
}

/** Names in examples stand for those of the prepared plan. */
function fillIn(line: string, { planId = "", approvalId = "", letterId = "" }: ExamplePlace): string {
  return line
    .replaceAll("approval-9c41", approvalId)
    .replaceAll("7c1e93b0", letterId)
    .replaceAll("3f2a", planId.slice(0, 18));
}

function runLine(line: string, cwd: string): Promise<CliResult> {
  const env = { ...cli.env, PATH: `${binFolder}:${cli.env["PATH"] ?? ""}` };
  return new Promise((resolve, reject) => {
    const child = spawn("sh", ["-c", line], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString("utf8")));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString("utf8")));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}

async function runExample(example: Case): Promise<CliResult> {
  const place = await placeFor(example);
  return runLine(fillIn(example.line, place), place.folder);
}

describe("the help", () => {
  test("gives every command at least two examples that name it", () => {
    const wrong = listCommands(program)
      .map(({ name, command }) => ({ name, examples: examplesOf(command) }))
      .filter(({ name, examples }) => {
        const last = name.split(" ").at(-1) ?? "";
        return examples.length < 2 || !examples.every(([line]) => line.includes("ossaat") && line.includes(last));
      });
    expect(wrong).toEqual([]);
  });

  test("suggests the nearest command and flag, exit 2", async () => {
    const command = await cli.run(cli.folder, ["dif"]);
    expect([command.code, command.stderr]).toEqual([2, expect.stringContaining("Did you mean diff?")]);
    const flag = await cli.run(cli.folder, ["plan", "--modle", "x"]);
    expect([flag.code, flag.stderr]).toEqual([2, expect.stringContaining("Did you mean --model?")]);
    const inner = await cli.run(cli.folder, ["config", "lst"]);
    expect([inner.code, inner.stderr]).toEqual([2, expect.stringContaining("Did you mean list?")]);
  });

  test("runs no example that is broken: a planted one fails", async () => {
    const planted = new Command("ossaat");
    withExamples(planted.command("runs"), ["ossaat runs --no-such-flag", "broken"]);
    const results = await Promise.all(casesOf(planted).map(runExample));
    expect(results.map(({ code }) => code)).toEqual([2]);
  });
});

describe("the example", () => {
  test.each(cases)("$line", async (example) => {
    const { code, stdout, stderr } = await runExample(example);
    expect(code, `${path.basename(example.line)}\n${stdout}\n${stderr}`).toBe(0);
  });
});
