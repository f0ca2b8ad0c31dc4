// The cases that a suite owns: each one gets a test, or has its reason why it is not run there.
import { expect, test } from "vitest";

import { durabilityCases, leftOutCases } from "../job/durability-cases.ts";
import type { CaseId, QueueName } from "../job/durability-cases.ts";

export type CaseList = {
  /** A test of the case, unless it is left out on this queue; `title` tells two tests of one case apart. */
  test(id: CaseId, work: () => Promise<void>, title?: string): void;
  /** A last test: every case of the suite ran or is left out, and prints the reasons. */
  testCompleteness(): void;
};

/** @param ids the cases that the suite owns */
export function caseList(ids: readonly CaseId[], queue: QueueName): CaseList {
  const written = new Set<CaseId>();
  const reasonOf = (id: CaseId) => leftOutCases[id]?.[queue];
  return {
    test(id, work, title) {
      written.add(id);
      if (reasonOf(id) !== undefined) return;
      // oxlint-disable-next-line vitest/expect-expect -- the work asserts
      test(`${id} ${durabilityCases[id]}${title === undefined ? "" : `: ${title}`}`, work);
    },
    testCompleteness() {
      test("every case has a test; each one left out has a reason", async ({ annotate }) => {
        expect(ids.filter((id) => !written.has(id) && reasonOf(id) === undefined)).toEqual([]);
        expect([...written].filter((id) => !ids.includes(id))).toEqual([]);
        for (const id of ids) {
          const reason = reasonOf(id);
          if (reason !== undefined) await annotate(`${id} ${durabilityCases[id]} is left out: ${reason}`, "left-out");
        }
      });
    },
  };
}
