import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { renderOverdue } from "../src/overdue.ts";

const json = (path: string) => JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), "utf8"));

test("numbers stand on the right", () => {
  const rows = [
    { member: "Ada", book: "Emma", days: 119, cents: 600 },
    { member: "Benjamin", book: "Dune", days: 1, cents: 1_200 },
  ];
  const lines = ["member    book  days    fee", "Ada       Emma   119   6.00", "Benjamin  Dune     1  12.00"];
  assert.equal(renderOverdue(rows), lines.join("\n"));
  assert.equal(renderOverdue([]), "nothing is overdue");
});

test("manifest and lock file name version 2", () => {
  assert.match(json("package.json").dependencies["column-text"], /^\^2\./);
  const lock = json("package-lock.json").packages;
  assert.match(lock[""].dependencies["column-text"], /^\^2\./);
  assert.equal(lock["node_modules/column-text"].version, "2.1.0");
});
