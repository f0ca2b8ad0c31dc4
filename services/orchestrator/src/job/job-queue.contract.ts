// What every job queue must do, whatever the broker: the cases C01 to C19 and C22 by name.
import { afterEach, beforeEach, describe } from "vitest";

import { caseList } from "../testing/case-list.ts";
import { QueueBench, otherPool, pool } from "../testing/queue-under-test.ts";
import type { JobQueueUnderTest } from "../testing/queue-under-test.ts";
import { combinationTitle } from "./durability-cases.ts";
import type { CaseId, QueueName, StoreName, noStore } from "./durability-cases.ts";
import { testDelivery } from "./queue-delivery.contract.ts";
import { testFailures } from "./queue-failure.contract.ts";
import { testPublish } from "./queue-publish.contract.ts";

/** C20 and C21 need the claim: the suite of the engine has them. */
const queueCases = Array.from({ length: 22 }, (_, n) => `C${String(n + 1).padStart(2, "0")}` as CaseId).filter(
  (id) => id !== "C20" && id !== "C21",
);

/** @param store what is under the queue; a broker's knows of none */
export function describeJobQueue(
  queue: QueueName,
  store: StoreName | typeof noStore,
  open: () => Promise<JobQueueUnderTest>,
): void {
  describe(`a JobQueue: ${combinationTitle([queue], store)}`, () => {
    const cases = caseList(queueCases, queue);
    let bench: QueueBench;
    const current = () => bench;

    beforeEach(async () => {
      bench = new QueueBench(await open());
      await bench.queue.ensureTopology([pool, otherPool]);
    });
    afterEach(() => bench.remove());

    testPublish(cases, current);
    testDelivery(cases, current);
    testFailures(cases, current);
    cases.testCompleteness();
  });
}
