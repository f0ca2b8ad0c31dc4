import { expect, test } from "vitest";

import { readExposition } from "./read-exposition.ts";

const head = "# HELP a_total what\n# TYPE a_total counter\n";
const histogram = (lines: string[]) => `# HELP h what\n# TYPE h histogram\n${lines.join("\n")}\n`;
const whole = ['h_bucket{le="1"} 1', 'h_bucket{le="+Inf"} 2', "h_sum 3", "h_count 2"];

test("reads values, labels and their escapes", () => {
  const read = readExposition(`${head}a_total{x="1",y="b\\"\\\\\\n,="} 1.5e3\na_total 7\n\n${histogram(whole)}`);
  expect(read.value("a_total", { y: 'b"\\\n,=', x: "1" })).toBe(1_500);
  expect([read.value("a_total"), read.value("a_total", { x: "1" }), read.sum("a_total", { x: "1" })]).toEqual([
    7,
    undefined,
    1_500,
  ]);
  expect([read.value("h_bucket", { le: "+Inf" }), read.sum("h_count")]).toEqual([2, 2]);
  expect([...read.families.keys()]).toEqual(["a_total", "h"]);
});

test.each<[string, string, string]>([
  ["without an end", `${head}a_total 1`, "the last line has no end"],
  ["a sample of nothing", "a_total 1\n", "does not belong to"],
  ["a counter's name", "# HELP a what\n# TYPE a counter\na 1\n", "without _total"],
  ["a counter below 0", `${head}a_total -1\n`, "below 0"],
  ["no help", "# TYPE a_total counter\na_total 1\n", "no help"],
  ["an unknown type", "# HELP a what\n# TYPE a meter\n", "the type meter"],
  ["a type that comes late", `${head}a_total 1\n# TYPE a_total counter\n`, "comes after its samples"],
  ["two places", `${head}a_total 1\n# HELP b what\n# TYPE b gauge\nb 1\n# HELP a_total what\n`, "in two places"],
  ["a series twice", `${head}a_total{x="1",y="2"} 1\na_total{y="2",x="1"} 1\n`, "stands twice"],
  ["a label twice", `${head}a_total{x="1",x="2"} 1\n`, "the label x stands twice"],
  ["a label without quotes", `${head}a_total{x=1} 1\n`, "no labels"],
  ["a quote that is not escaped", `${head}a_total{x="a"b"} 1\n`, "no labels"],
  ["no number", `${head}a_total one\n`, "no value"],
  ["a histogram without +Inf", histogram(whole.filter((line) => !line.includes("Inf"))), "broken histogram"],
  ["a histogram without its sum", histogram(whole.filter((line) => !line.includes("sum"))), "broken histogram"],
  ["a histogram that falls", histogram(['h_bucket{le="1"} 3', ...whole.slice(1)]), "broken histogram"],
  ["a histogram whose count differs", histogram([...whole.slice(0, 3), "h_count 3"]), "broken histogram"],
])("refuses %s", (_what, text, message) => {
  expect(() => readExposition(text)).toThrow(message);
});
