import { expect, test, vi } from "vitest";

import { createProgram, parseAndRun } from "./program.ts";

const whole = createProgram(() => undefined);
const visible = whole.commands.filter((command) => !command.name().startsWith("__"));

test.each(visible.map((command) => [command.name(), command] as const))(
  "%s is the same command in the tree that is built for it alone",
  (name, command) => {
    const own = createProgram(() => undefined, name).commands.find((candidate) => candidate.name() === name);
    expect(own?.helpInformation()).toBe(command.helpInformation());
  },
);

test("a word builds its group alone; any other word builds all", () => {
  const names = (word: string) => createProgram(() => undefined, word).commands.map((command) => command.name());
  const all = whole.commands.map((command) => command.name());
  expect([names("runs"), names("show")]).toEqual([["runs"], ["show", "logs"]]);
  expect([names("rnus"), names("--json"), names("help"), names("__complete")]).toEqual([all, all, all, all]);
});

const groups = visible.filter((command) => command.commands.length > 0).map((command) => command.name());

test.each(groups)("%s alone asks for one of its commands", async (group) => {
  const written: string[] = [];
  const spy = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  const code = await parseAndRun([group]).finally(() => spy.mockRestore());
  const names = whole.commands.find((command) => command.name() === group)?.commands.map((child) => child.name());
  expect(code).toBe(2);
  expect(written.join("")).toContain(`ossaat: Name a subcommand of \`ossaat ${group}\`: ${names?.join(", ")}.\n`);
  expect(written.join("")).not.toContain("outputHelp");
});

test("there are groups", () => {
  expect(groups).toEqual(expect.arrayContaining(["dlq", "queue", "plans", "db", "policy", "config"]));
});
