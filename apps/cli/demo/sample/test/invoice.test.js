import assert from "node:assert/strict";
import { test } from "node:test";

import { invoiceTotal, lineTotal } from "../src/invoice.js";

test("adds lines and tax", () => {
  assert.equal(invoiceTotal([{ quantity: 2, unitCents: 1000 }], 20), 2400);
});

test("takes the discount off in percent", () => {
  assert.equal(lineTotal({ quantity: 1, unitCents: 10000, discountPercent: 10 }), 9000);
});
