import { expect, test } from "vitest";

import { partsOf } from "./publisher.ts";

const sizesOf = (lengths: readonly (number | null)[], bytes: number) =>
  partsOf(
    lengths.map((length) => ({ value: length === null ? null : Buffer.alloc(length) })),
    bytes,
  ).map((part) => part.map(({ value }) => value?.length ?? null));

test("parts keep the order and hold as many bytes as one request may, and one message at least", () => {
  expect(sizesOf([], 10)).toEqual([]);
  expect(sizesOf([4, 6, 1, null, 9, 30, 1], 10)).toEqual([[4, 6], [1, null, 9], [30], [1]]);
});
