import { expect, test } from "vitest";

import { createProgram } from "./program.ts";

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
