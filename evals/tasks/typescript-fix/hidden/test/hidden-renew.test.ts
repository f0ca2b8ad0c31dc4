import assert from "node:assert/strict";
import { test } from "node:test";

import { LoanRefused, borrow, renew } from "../src/loans.ts";

const ada = { id: "m1", name: "Ada", kind: "adult" } as const;

test("early, late and twice", () => {
  const lent = borrow([], { book: "Emma", member: ada, on: "2025-03-01" });
  for (const on of ["2025-03-01", "2025-03-02", "2025-03-22"]) {
    assert.deepEqual(renew(lent, "Emma", on), [{ book: "Emma", memberId: "m1", due: "2025-04-12", renewals: 1 }]);
  }
  const twice = renew(renew(lent, "Emma", "2025-03-02"), "Emma", "2025-03-03");
  assert.equal(twice[0]?.due, "2025-05-03");
  assert.throws(() => renew(twice, "Emma", "2025-03-04"), LoanRefused);
  assert.throws(() => renew(lent, "Emma", "2025-03-23"), LoanRefused);
});
