import assert from "node:assert/strict";
import { test } from "node:test";

import { formatAmount, parseAmount } from "../src/money.js";

test("reads a whole amount", () => {
  assert.equal(parseAmount("20"), 2000);
});

test("keeps every cent", () => {
  assert.equal(parseAmount("19.99"), 1999);
  assert.equal(parseAmount("1.15"), 115);
});

test("writes two digits", () => {
  assert.equal(formatAmount(1950), "19.50");
});
