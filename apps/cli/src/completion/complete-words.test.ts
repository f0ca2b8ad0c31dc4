// Every command, flag and value of the command tree is offered, or is known to be free text.
import type { Command } from "commander";
import { expect, test } from "vitest";

import { createProgram } from "../program.ts";
import { completeWords } from "./complete-words.ts";
import type { Completion, Names } from "./complete-words.ts";

const program = createProgram(() => undefined);
const one = (text: string) => Promise.resolve([{ text, note: "" }]);
const names: Names = {
  plans: () => one("plan-1"),
  requests: () => one("appr-1"),
  letters: () => one("letter-1"),
  steps: (plan) => one(`step of ${plan ?? "the newest"}`),
};

/** What only the person knows, or a list that would take longer than a Tab may. */
const freeOptions = new Set([
  "--agents",
  "--base",
  "--comment",
  "--hash",
  "--limit",
  "--max-cost",
  "--max-minutes",
  "--max-tokens",
  "--older-than",
  "--port",
  "--queue",
  "--reason",
  "--since",
  "--store",
  "--turn",
]);
const freeArguments = new Set(["goal", "feedback", "name", "value"]);

type Place = { way: string[]; command: Command };

function placesOf(command: Command, way: string[]): Place[] {
  const children = command.commands.filter((child) => !child.name().startsWith("__"));
  return [{ way, command }, ...children.flatMap((child) => placesOf(child, [...way, child.name()]))];
}

const places = placesOf(program, []);
const textsOf = (completion: Completion) =>
  Array.isArray(completion) ? completion.map(({ text }) => text) : [completion];
const complete = async (...words: string[]) => textsOf(await completeWords(program, words, names));

test("sees the whole tree", () => {
  expect(places.length).toBeGreaterThan(35);
});

test.each(places.map((place) => [place.way.join(" "), place] as const))(
  "offers all of `ossaat %s`",
  async (_name, place) => {
    const { way, command } = place;
    const children = command.commands.map((child) => child.name()).filter((name) => !name.startsWith("__"));
    if (children.length > 0) expect((await complete(...way, "")).toSorted()).toEqual(children.toSorted());
    const flags = command.options.filter(({ hidden }) => !hidden).map(({ long, short }) => long ?? short ?? "");
    expect(await complete(...way, "-")).toEqual(expect.arrayContaining([...flags, "--help"]));
    for (const { long = "", required, optional } of command.options) {
      if (!required && !optional) continue;
      const values = await complete(...way, long, "");
      expect([long, values.length > 0]).toEqual([long, !freeOptions.has(long)]);
    }
    const given: string[] = [];
    for (const argument of command.registeredArguments) {
      const values = await complete(...way, ...given, "");
      expect([argument.name(), values.length > 0]).toEqual([argument.name(), !freeArguments.has(argument.name())]);
      given.push("x");
    }
  },
);

test("a step is one of the plan that was named before it", async () => {
  expect([
    await complete("logs", "plan-7", "--step", ""),
    await complete("logs", "--step", ""),
    await complete("policy", "explain", "plan-7", ""),
  ]).toEqual([["step of plan-7"], ["step of the newest"], ["step of plan-7"]]);
});

test("each of several letters is offered, and a plan after its option", async () => {
  expect([
    await complete("dlq", "requeue", "x", "y", ""),
    await complete("dlq", "drop", "--all", "--plan", ""),
  ]).toEqual([["letter-1"], ["plan-1"]]);
});
