import { AgentError } from "@ossaat/contracts";
import { expect, test } from "vitest";

import { patientReads } from "./patient-reads.ts";

const { signal } = new AbortController();

function failing(times: number, error: AgentError) {
  const calls: number[] = [];
  const reads = patientReads(
    {
      getPlan: () => Promise.reject(error),
      listEvents: (_planId, afterSeq = 0) => {
        calls.push(afterSeq);
        return calls.length <= times ? Promise.reject(error) : Promise.resolve([]);
      },
    },
    signal,
  );
  return { reads, calls };
}

const busy = new AgentError("unavailable", "The database cannot be reached.", { details: { requestId: "r1" } });

test("asks again while the server answers that it cannot now", async () => {
  const { reads, calls } = failing(2, busy);
  expect(await reads.listEvents("plan-1", 7)).toEqual([]);
  expect(calls).toEqual([7, 7, 7]);
});

test.each([
  ["a server that is away", new AgentError("unavailable", "The server does not answer.")],
  ["a plan that is not there", new AgentError("not_found", "There is no plan.", { details: { requestId: "r1" } })],
  ["what will not pass", new AgentError("unavailable", "Stopped.", { details: { requestId: "r1", retryable: false } })],
])("asks once of %s", async (_name, error) => {
  const { reads, calls } = failing(1, error);
  await expect(reads.listEvents("plan-1", 0)).rejects.toBe(error);
  expect(calls).toEqual([0]);
});

test("asks no more when the watching is over", async () => {
  const left = AbortSignal.abort();
  const reads = patientReads({ getPlan: () => Promise.reject(busy), listEvents: () => Promise.reject(busy) }, left);
  await expect(reads.getPlan("plan-1")).rejects.toBe(busy);
});
