import assert from "node:assert/strict";
import { test } from "node:test";

import { LoanRefused, borrow, giveBack, renew } from "../src/loans.ts";
import type { Loan } from "../src/loans.ts";
import type { Member } from "../src/members.ts";

const ada: Member = { id: "m1", name: "Ada", kind: "adult" };
const ben: Member = { id: "m2", name: "Ben", kind: "child" };
const on = "2025-03-01";

const refused = (message: string) => (error: unknown) => error instanceof LoanRefused && error.message === message;

test("a loan is due after three weeks", () => {
  assert.deepEqual(borrow([], { book: "Emma", member: ada, on }), [
    { book: "Emma", memberId: "m1", due: "2025-03-22", renewals: 0 },
  ]);
});

test("a book is lent once at a time", () => {
  const loans = borrow([], { book: "Emma", member: ada, on });
  assert.throws(() => borrow(loans, { book: "Emma", member: ben, on }), refused("Emma is lent"));
  assert.equal(borrow(giveBack(loans, "Emma", on), { book: "Emma", member: ben, on }).length, 2);
});

test("a child has three loans at most", () => {
  let loans: Loan[] = [];
  for (const book of ["a", "b", "c"]) loans = borrow(loans, { book, member: ben, on });
  assert.throws(() => borrow(loans, { book: "d", member: ben, on }), refused("Ben has 3 loans already"));
});

test("nothing is lent to who has something overdue", () => {
  const loans = borrow([], { book: "Emma", member: ada, on });
  assert.throws(() => borrow(loans, { book: "Dune", member: ada, on: "2025-03-23" }), refused("Ada has something overdue"));
});

test("renewing goes on from the due day, twice", () => {
  let loans = borrow([], { book: "Emma", member: ada, on });
  loans = renew(renew(loans, "Emma", "2025-03-22"), "Emma", "2025-04-01");
  assert.equal(loans[0]?.due, "2025-05-03");
  assert.throws(() => renew(loans, "Emma", "2025-05-01"), refused("Emma was renewed 2 times"));
});

test("what is overdue is not renewed", () => {
  const loans = borrow([], { book: "Emma", member: ada, on });
  assert.throws(() => renew(loans, "Emma", "2025-03-23"), refused("Emma is overdue"));
});
