// Whether a question that stands on this screen is still asked: another terminal may answer it.
import { foldPlan } from "@ossaat/contracts";
import type { PlanState } from "@ossaat/contracts";
import type { Client } from "@ossaat/client";

export type WatchedQuestion = {
  /** Aborts when the question was answered elsewhere, or is void. */
  withdrawn: AbortSignal;
  /** Ends the watching. */
  close(): Promise<void>;
};

/** What is asked, as one text: another text is another question. */
function questionOf({ status, planHash, approvals }: PlanState): string {
  if (status === "awaiting_approval") return `plan ${planHash ?? ""}`;
  const first = approvals.find((approval) => approval.status === "pending");
  return `${status === "paused" ? "paused" : "call"} ${first?.approvalId ?? ""}`;
}

type Watching = { start: PlanState; signal: AbortSignal; withdraw: () => void };

async function watch(client: Client, { start, signal, withdraw }: Watching): Promise<void> {
  const question = questionOf(start);
  let state = start;
  for await (const item of client.watchPlan(start.id, { afterSeq: start.lastSeq, signal })) {
    if (item.kind !== "state") continue;
    state = foldPlan(state, item.event);
    if (questionOf(state) !== question) return withdraw();
  }
}

/** Watches the plan behind a question until it is closed. */
export function watchQuestion(client: Client, state: PlanState, signal: AbortSignal): WatchedQuestion {
  const withdrawn = new AbortController();
  const closed = new AbortController();
  const until = AbortSignal.any([closed.signal, signal]);
  // Where it fails the question stays: the server is told the answer, or says itself what is wrong.
  const watching = watch(client, { start: state, signal: until, withdraw: () => withdrawn.abort() }).catch(
    () => undefined,
  );
  return {
    withdrawn: withdrawn.signal,
    async close() {
      closed.abort();
      await watching;
    },
  };
}
