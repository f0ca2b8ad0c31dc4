// What a plan must come to whatever carries its messages and keeps its rows: engine, worker and queue together.
import { afterEach, beforeEach, describe } from "vitest";

import { caseList } from "../testing/case-list.ts";
import { EngineBench } from "../testing/engine-bench.ts";
import type { QueueUnderEngine } from "../testing/engine-bench.ts";
import { chosenTestStore } from "../testing/test-store.ts";
import type { TestStoreKind } from "../testing/test-store.ts";
import { combinationTitle } from "./durability-cases.ts";
import type { CaseId, QueueName } from "./durability-cases.ts";
import { testDeaths } from "./engine-deaths.contract.ts";
import { testDispatch } from "./engine-dispatch.contract.ts";
import { testEvents } from "./engine-events.contract.ts";
import { testMessages } from "./engine-messages.contract.ts";
import { testPeople } from "./engine-people.contract.ts";
import { testWorkers } from "./engine-workers.contract.ts";

const deaths = ["C20", "C21", "C43", "C49", "C53"] as const;
const people = ["C33", "C34", "C35", "C36", "C37", "C38"] as const;
const messages = ["C40", "C41", "C42", "C44", "C46", "C47"] as const;
const workers = ["C32", "C39", "C52"] as const;
const dispatch = ["C50", "C51"] as const;
const events = ["C54", "C55"] as const;
const engineCases: readonly CaseId[] = [...deaths, ...people, ...messages, ...workers, ...dispatch, ...events];

/** @param store absent = the one of the test file */
export function describeQueuedEngine(
  queue: QueueName,
  open: () => QueueUnderEngine,
  store: TestStoreKind = chosenTestStore(),
): void {
  describe(`an engine: ${combinationTitle([queue], store.name)}`, () => {
    const cases = caseList(engineCases, queue);
    let bench: EngineBench;
    const current = () => bench;

    beforeEach(async () => {
      bench = await EngineBench.open(open(), store);
    });
    afterEach(() => bench.remove());

    testDeaths(cases, current);
    testPeople(cases, current);
    testMessages(cases, current);
    testWorkers(cases, current);
    testDispatch(cases, current);
    testEvents(cases, current);
    cases.testCompleteness();
  });
}
