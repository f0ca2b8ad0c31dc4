import { createHmac } from "node:crypto";

import { expect, test } from "vitest";

import { proveToken } from "./token-proof.ts";

const challenge = "0123456789abcdef";

test("is the HMAC another implementation computes, and differs by token and challenge", () => {
  const expected = createHmac("sha256", "token").update(challenge).digest("hex");
  expect(proveToken("token", challenge)).toBe(expected);
  expect(proveToken("other", challenge)).not.toBe(expected);
  expect(proveToken("token", `${challenge}0`)).not.toBe(expected);
});

test.each([0, 15, 129])("refuses a challenge of %i characters", (length) => {
  expect(() => proveToken("token", "x".repeat(length))).toThrow("16 to 128");
});
