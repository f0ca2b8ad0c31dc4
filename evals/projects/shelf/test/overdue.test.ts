import assert from "node:assert/strict";
import { test } from "node:test";

import type { Loan } from "../src/loans.ts";
import { indexMembers } from "../src/members.ts";
import { listOverdue, renderOverdue } from "../src/overdue.ts";

const members = indexMembers([
  { id: "m1", name: "Ada", kind: "adult" },
  { id: "m2", name: "Ben", kind: "child" },
]);
const loans: Loan[] = [
  { book: "Dune", memberId: "m2", due: "2025-03-10", renewals: 0 },
  { book: "Emma", memberId: "m1", due: "2025-03-01", renewals: 0 },
  { book: "Faust", memberId: "m1", due: "2025-03-20", renewals: 0 },
  { book: "Iliad", memberId: "m1", due: "2025-03-01", renewals: 0, returned: "2025-03-09" },
];

test("the latest first; what is returned or due today is left out", () => {
  assert.deepEqual(listOverdue(loans, members, "2025-03-20"), [
    { member: "Ada", book: "Emma", days: 19, cents: 380 },
    { member: "Ben", book: "Dune", days: 10, cents: 0 },
  ]);
});

test("a table for the desk", () => {
  assert.equal(
    renderOverdue(listOverdue(loans, members, "2025-03-20")),
    ["member  book  days  fee", "Ada     Emma  19    3.80", "Ben     Dune  10    0.00"].join("\n"),
  );
  assert.equal(renderOverdue([]), "nothing is overdue");
});

test("two members with one id are refused", () => {
  const ada = { id: "m1", name: "Ada", kind: "adult" } as const;
  assert.throws(() => indexMembers([ada, ada]), /two members have the id m1/);
});
