// A plan of a deployment is one trace over HTTP, the database that carries its jobs, and gRPC; every process can be scraped.
import { test } from "vitest";

import { expectOneTrace, expectScrapes } from "./testing/expect-one-trace.ts";
import { traceOnFleet } from "./testing/trace-on-fleet.ts";

test("gateway, API, worker, tool runner and indexer tell one trace of a plan, and count the same", async () => {
  const run = await traceOnFleet({});
  expectOneTrace(run);
  expectScrapes(run);
});
