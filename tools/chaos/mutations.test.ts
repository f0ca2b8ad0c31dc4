// Runs with a safeguard taken away are rare on the stacks with a broker: that each can still be taken away is
// seen at every change of the sources.
import { readFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "vitest";

import { mutationsOf, pauseBeforePublish } from "./deployment/mutations.ts";
import { takesAway } from "./deployment/upgrade.ts";
import { mutationCases } from "./mutations.ts";

const root = path.resolve(import.meta.dirname, "../..");
const all = new Map(
  [
    ...mutationCases.map(({ mutation }) => mutation),
    ...(["rabbit", "kafka"] as const)
      .flatMap((stack) => mutationsOf(stack))
      .flatMap(({ mutation, slowed }) => [mutation, ...(slowed === undefined ? [] : [slowed])]),
    pauseBeforePublish("paused"),
    ...takesAway,
  ].map((mutation) => [mutation.name, mutation]),
);

const timesIn = (code: string, text: string) => code.split(text).length - 1;

test.each([...all.values()])("what $name changes stands once in $file", ({ file, find }) => {
  expect(timesIn(readFileSync(path.join(root, file), "utf8"), find)).toBe(1);
});

test("a text that is not there, or twice, is noticed", () => {
  expect([timesIn("a b", "c"), timesIn("a b a", "a")]).toEqual([0, 2]);
});
