import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

import { renderReference } from "./render-reference.ts";

test("docs/configuration.md is what the table of settings says", () => {
  const page = fileURLToPath(new URL("../../../../docs/configuration.md", import.meta.url));
  expect(readFileSync(page, "utf8")).toBe(renderReference());
});
