import * as fc from "fast-check";
import { expect, test } from "vitest";

import { kindOfStatus, readRetryAfterMs, safeWord } from "./http-error.ts";

const now = Date.parse("2026-11-24T12:00:00Z");

test.each<[Record<string, string>, number | undefined]>([
  [{}, undefined],
  [{ "retry-after": "2" }, 2_000],
  [{ "retry-after": "0.5" }, 500],
  [{ "retry-after-ms": "150.2", "retry-after": "9" }, 151],
  [{ "retry-after": "Tue, 24 Nov 2026 12:00:30 GMT" }, 30_000],
  [{ "retry-after": "Tue, 24 Nov 2026 11:00:00 GMT" }, 0],
  [{ "retry-after": "soon" }, undefined],
  [{ "retry-after": "99999999999" }, 86_400_000],
])("Retry-After %j is %s ms", (headers, expected) => {
  expect(readRetryAfterMs(new Headers(headers), now)).toBe(expected);
});

test("a wait is never negative and never more than a day, whatever the header", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const headers = { get: (name: string) => (name === "retry-after" ? text : null) } as Headers;
      const found = readRetryAfterMs(headers, now);
      expect(found === undefined || (found >= 0 && found <= 86_400_000)).toBe(true);
    }),
  );
});

test.each([
  [400, "badRequest"],
  [401, "auth"],
  [402, "billing"],
  [403, "permission"],
  [404, "modelNotFound"],
  [409, "conflict"],
  [422, "badRequest"],
  [429, "rateLimit"],
  [500, "server"],
  [503, "overloaded"],
  [529, "overloaded"],
])("status %i is %s", (status, kind) => {
  expect(kindOfStatus(status)).toBe(kind);
});

test("only short plain words of a vendor's answer are kept", () => {
  expect(safeWord("messages[0].content")).toBe("messages[0].content");
  expect(safeWord("Your prompt: hello")).toBeUndefined();
  expect(safeWord("x".repeat(81))).toBeUndefined();
  expect(safeWord(5)).toBeUndefined();
});
