import { expect, test } from "vitest";
import { z } from "zod";

import { describeProblems, schemaProblems } from "./schema-problems.ts";

const Shape = z.strictObject({
  title: z.string().min(1).max(3),
  kind: z.enum(["a", "b"]),
  version: z.literal(1),
  size: z.int().min(1),
  list: z.array(z.object({ on: z.boolean() })).min(1),
  free: z.union([z.string(), z.number()]),
  id: z.string().regex(/^x$/u),
  own: z.string().max(1, "the goal is longer than 1 character"),
});
const good = { title: "t", kind: "a", version: 1, size: 1, list: [{ on: true }], free: 1, id: "x", own: "o" };

test.each<[string, object, string]>([
  ["what is missing", { title: undefined }, "title is missing"],
  ["another type", { title: 1 }, "title must be text, not a number"],
  ["a choice", { kind: "c" }, 'kind must be one of "a", "b"'],
  ["one value", { version: 2 }, "version must be 1"],
  ["a key that means nothing", { extra: 1 }, 'does not know "extra"'],
  [
    "what is too short",
    { title: "", list: [] },
    "title must have at least 1 character; list must have at least 1 entry",
  ],
  ["what is too long", { title: "long" }, "title must have at most 3 characters"],
  ["a number out of bounds", { size: 0 }, "size must be at least 1"],
  ["a part", { list: [{ on: "yes" }] }, "list[0].on must be true or false, not text"],
  ["none of several forms", { free: [] }, "free has no form that is allowed here"],
  ["another pattern", { id: "y" }, "id is not written as it must be"],
  ["the schema's own words", { own: "own" }, "own: the goal is longer than 1 character"],
])("names %s", (_name, changes, expected) => {
  const parsed = Shape.safeParse({ ...good, ...changes });
  expect(parsed.success ? "no problem" : describeProblems(schemaProblems(parsed.error))).toBe(expected);
});

test("names the value as a whole", () => {
  expect(schemaProblems(Shape.safeParse([]).error!)).toEqual([{ path: "", message: "must be an object, not a list" }]);
});
