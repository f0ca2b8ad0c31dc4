import { expect, test } from "vitest";

import { renderTable } from "./render-table.ts";

test("pads by the widest cell, without trailing blanks", () => {
  const columns = [{ name: "step" }, { name: "n", align: "right" as const }, { name: "note" }];
  expect(
    renderTable(columns, [
      ["a", "10", ""],
      ["longer", "2", "x"],
    ]),
  ).toEqual(["step     n  note", "a       10", "longer   2  x"]);
});
