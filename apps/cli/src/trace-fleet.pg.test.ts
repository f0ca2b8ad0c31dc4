// A plan of a deployment is one trace over HTTP, the database that carries its jobs, and gRPC.
import { test } from "vitest";

import { expectOneTrace } from "./testing/expect-one-trace.ts";
import { traceOnFleet } from "./testing/trace-on-fleet.ts";

test("gateway, API, worker, tool runner and indexer tell one trace of a plan", async () => {
  expectOneTrace(await traceOnFleet({}));
});
