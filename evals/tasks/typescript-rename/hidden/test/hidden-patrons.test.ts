import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { run } from "../src/main.ts";
import { getPatron, indexPatrons, maxLoansOf } from "../src/patrons.ts";
import type { Patron } from "../src/patrons.ts";

const root = new URL("../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");

test("patrons", () => {
  const ada: Patron = { id: "m1", name: "Ada", kind: "adult" };
  assert.equal(getPatron(indexPatrons([ada]), "m1"), ada);
  assert.equal(maxLoansOf(ada), 6);
  assert.throws(() => getPatron(indexPatrons([]), "m9"), /there is no member m9/);
});

test("no file has the old names", () => {
  assert.equal(existsSync(new URL("src/members.ts", root)), false);
  const files = ["src", "test"].flatMap((folder) => readdirSync(new URL(folder, root)).map((name) => `${folder}/${name}`));
  for (const file of [...files, "README.md"].filter((name) => !name.includes("hidden"))) {
    assert.doesNotMatch(read(file), /\b(?:Member|MemberKind|indexMembers|getMember)\b|members\.ts/, file);
  }
});

test("data and output are as before", () => {
  let printed = "";
  run([new URL("loans.json", root).pathname, "--today", "2025-03-20"], (text) => {
    printed = text;
  });
  assert.equal(printed, "member  book  days  fee\nAda     Emma  19    3.80\nBen     Dune  10    0.00");
});
