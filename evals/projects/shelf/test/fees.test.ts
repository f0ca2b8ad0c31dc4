import assert from "node:assert/strict";
import { test } from "node:test";

import { feeOf, formatCents } from "../src/fees.ts";
import type { Loan } from "../src/loans.ts";
import type { Member } from "../src/members.ts";

const ada: Member = { id: "m1", name: "Ada", kind: "adult" };
const loan: Loan = { book: "Emma", memberId: "m1", due: "2025-03-01", renewals: 0 };

test("two days cost nothing, the third costs all three", () => {
  assert.deepEqual(
    ["2025-02-28", "2025-03-03", "2025-03-04", "2025-03-11"].map((today) => feeOf(loan, ada, today)),
    [0, 0, 60, 200],
  );
});

test("a fee has a limit", () => {
  assert.equal(feeOf(loan, ada, "2026-03-01"), 600);
});

test("a returned book costs no more after its return", () => {
  assert.equal(feeOf({ ...loan, returned: "2025-03-05" }, ada, "2025-06-01"), 80);
});

test("children and staff pay nothing", () => {
  for (const kind of ["child", "staff"] as const) assert.equal(feeOf(loan, { ...ada, kind }, "2025-06-01"), 0);
});

test("cents as an amount", () => {
  assert.deepEqual([0, 5, 1_234].map(formatCents), ["0.00", "0.05", "12.34"]);
});
