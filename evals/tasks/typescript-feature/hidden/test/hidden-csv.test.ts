import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { run } from "../src/main.ts";

function runWith(name: string, ...args: string[]): [number, string] {
  const file = join(mkdtempSync(join(tmpdir(), "shelf-")), "loans.json");
  const members = [{ id: "m1", name, kind: "adult" }];
  writeFileSync(file, JSON.stringify({ members, loans: [{ book: "Emma", memberId: "m1", due: "2025-03-01", renewals: 0 }] }));
  let printed = "";
  const code = run([file, "--today", "2025-03-11", ...args], (text) => {
    printed += text;
  });
  return [code, printed];
}

test("csv", () => {
  const row = (name: string) => `member,book,days,fee\r\n${name},Emma,10,2.00`;
  for (const [name, cell] of [["Ada", "Ada"], ["A, B", '"A, B"'], ['A "B"', '"A ""B"""'], ["A\nB", '"A\nB"'], ["A\rB", '"A\rB"']]) {
    const [code, printed] = runWith(name ?? "", "--format", "csv");
    assert.deepEqual([code, printed.trimEnd()], [0, row(cell ?? "")]);
  }
});

test("nothing overdue is the head alone", () => {
  assert.equal(runWith("Ada", "--format", "csv", "--today", "2025-02-01")[1].trimEnd(), "member,book,days,fee");
});

test("text stays the default, other formats are refused", () => {
  assert.match(runWith("Ada")[1], /^member {2}book/);
  assert.deepEqual(runWith("Ada", "--format", "text"), runWith("Ada"));
  const [code, printed] = runWith("Ada", "--format", "xml");
  assert.equal(code, 2);
  assert.match(printed, /^usage:/);
});
