import { mkdirSync } from "node:fs";

import { afterAll, expect, test } from "vitest";

import { makeTempDir } from "../testing/temp-dir.ts";
import { createLayout } from "./layout.ts";
import { keptLimits } from "./limits.ts";
import { listKept } from "./list-kept.ts";

const dir = makeTempDir();
afterAll(() => dir.remove());

test("every plan is on one page, in the order of the ids, however many there are", async () => {
  const layout = createLayout(dir.path);
  const count = 2 * keptLimits.plansAPage + 1;
  const plans = Array.from({ length: count }, (_, n) => `plan-${String(n).padStart(6, "0")}`);
  for (const [n, plan] of plans.entries()) {
    mkdirSync(n % 2 === 0 ? layout.planDir(plan) : layout.planCaches(plan), { recursive: true });
  }
  const pages: number[] = [];
  const seen: string[] = [];
  for (let after: string | undefined; ; after = seen.at(-1)) {
    const { planIds } = await listKept(layout, after);
    pages.push(planIds.length);
    seen.push(...planIds);
    if (planIds.length === 0) break;
  }
  expect(seen).toEqual(plans);
  expect(pages).toEqual([keptLimits.plansAPage, keptLimits.plansAPage, 1, 0]);
});
