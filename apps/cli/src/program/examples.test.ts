import { Command } from "commander";
import { expect, test } from "vitest";

import { examplesOf, withExamples } from "./examples.ts";

test("examples stand in the help, aligned, and can be listed", () => {
  const command = withExamples(new Command("x"), ["x a", "one"], ["x abc", "two"]);
  expect(examplesOf(command)).toEqual([
    ["x a", "one"],
    ["x abc", "two"],
  ]);
  const written: string[] = [];
  command.configureOutput({ writeOut: (text) => written.push(text) }).outputHelp();
  expect(written.join("")).toContain("\nExamples:\n  x a    # one\n  x abc  # two\n");
  expect(examplesOf(new Command("y"))).toEqual([]);
});
