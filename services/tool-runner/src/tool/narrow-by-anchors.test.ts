import { expect, test } from "vitest";

import { narrowByAnchors } from "./narrow-by-anchors.ts";

const lines = [
  "class A {",
  "  run() {",
  "    return 1;",
  "  }",
  "}",
  "class B {",
  "  run() {",
  "    return 1;",
  "  }",
  "}",
];
const places = [2, 7].map((at) => ({ at, tolerances: ["none" as const] }));

function narrow(...anchors: string[]): unknown {
  const narrowed = narrowByAnchors(lines, places, { anchors, path: "a.ts" });
  return "problem" in narrowed ? narrowed.problem.split(/[.:]/u)[0] : narrowed.places.map(({ at }) => at);
}

test.each([
  ["no anchor leaves all places", [], [2, 7]],
  ["an anchor leaves the places of its block", ["class B {"], [7]],
  ["an anchor that begins a line is that line", ["class A"], [2]],
  ["anchors nest", ["class B {", "run() {"], [7]],
  ["an anchor of several lines is refused", ["run() {"], 'its anchor "run() {" is 2 lines of the file'],
  ["an anchor that is no line is refused", ["class C {"], 'its anchor "class C {" is no line of the file'],
  ["a part of a word is no anchor", ["cla"], 'its anchor "cla" is no line of the file'],
])("%s", (_what, anchors, left) => {
  expect(narrow(...anchors)).toEqual(left);
});

test("a place before or behind the anchor's block is refused, with where it is", () => {
  const narrowed = narrowByAnchors(lines, places.slice(0, 1), { anchors: ["class B {"], path: "a.ts" });
  expect(narrowed).toEqual({ problem: expect.stringContaining("     3 |     return 1;") as string });
});
