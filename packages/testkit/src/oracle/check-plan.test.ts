// The oracle sees what it is for: each test plants one violation in a sound plan.
import { parseEvent } from "@ossaat/contracts";
import type { PlanEvent } from "@ossaat/contracts";
import { describe, expect, test } from "vitest";

import { soundFacts } from "../testing/sound-plan.ts";
import { checkPlan } from "./check-plan.ts";
import type { PlanFacts } from "./facts.ts";
import { describeFinding, invariants } from "./finding.ts";

const seen = new Set<string>();

/** Findings without the plan's id, as `I1 message`. */
function findings(facts: PlanFacts): string[] {
  return checkPlan(facts).map((finding) => {
    seen.add(finding.invariant);
    return describeFinding(finding).replace(` ${facts.plan.id}:`, "");
  });
}

function broken(plant: (facts: PlanFacts) => void): string[] {
  const facts = soundFacts();
  plant(facts);
  return findings(facts);
}

/** Leaves out the events that fit and numbers the rest again. */
function without(facts: PlanFacts, isOut: (event: PlanEvent) => boolean): void {
  renumber(
    facts,
    facts.events.filter((event) => !isOut(event)),
  );
}

function renumber(facts: PlanFacts, events: readonly PlanEvent[]): void {
  facts.events = events.map((event, index) => parseEvent({ ...event, seq: index + 1 }));
  facts.plan.next_seq = events.length + 1;
}

function change(facts: PlanFacts, fits: (event: PlanEvent) => boolean, data: object): void {
  const index = facts.events.findIndex(fits);
  const event = facts.events[index]!;
  facts.events[index] = parseEvent({ ...event, data: { ...event.data, ...data } });
}

const isStart = (stepId: string, attempt: number) => (event: PlanEvent) =>
  event.type === "step.started" && event.stepId === stepId && event.attempt === attempt;

test("a sound plan has no findings", () => {
  expect(findings(soundFacts())).toEqual([]);
});

describe("a planted violation is found:", () => {
  test("I1, something has not ended", () => {
    expect(broken(({ steps }) => void (steps[1]!.status = "ready"))).toContain("I1 b is still ready");
    expect(broken((facts) => void (facts.plan.status = "running"))).toContain("I1 the plan is still running");
    expect(broken(({ attempts }) => void (attempts[0]!.ended_at = null))).toEqual(["I1 attempt 1 of a has no end"]);
    expect(broken((facts) => without(facts, ({ type }) => type === "plan.finished"))).toContain(
      "I1 the last event is step.finished",
    );
    const lost = broken((facts) => {
      facts.steps = facts.steps.filter((step) => step.step_id !== "plan.finish");
    });
    expect(lost).toContain("I1 no last step ran");
    expect(broken(({ steps }) => void (steps[1]!.status = "skipped"))).toContain(
      "I1 the plan succeeded, but b is skipped",
    );
  });

  test("I2, a step succeeded twice", () => {
    expect(broken(({ attempts }) => void (attempts[2]!.outcome = "succeeded"))).toEqual([
      "I2 b succeeded in more than one attempt",
    ]);
    const twice = broken((facts) => {
      const done = facts.events.find((event) => event.type === "step.finished" && event.stepId === "b")!;
      renumber(
        facts,
        facts.events.flatMap((event) => (event === done ? [done, done] : [event])),
      );
    });
    expect(twice).toContain("I2 the log says more than once that b succeeded");
  });

  test("I3, a number is missing, repeated or not yet taken", () => {
    expect(broken((facts) => void facts.events.splice(3, 1))).toContain("I3 event 5 is out of sequence");
    expect(broken((facts) => void facts.events.splice(3, 0, facts.events[3]!))).toContain(
      "I3 event 4 is out of sequence",
    );
    expect(broken((facts) => void (facts.plan.next_seq += 1))).toEqual(["I3 30 events, but the next number is 32"]);
  });

  test("I4, rows that the log does not give, and changes that no state machine has", () => {
    expect(broken(({ steps }) => void (steps[0]!.reason = "timeout"))).toEqual([
      "I4 a is succeeded (timeout) but replays as succeeded (-)",
    ]);
    expect(broken((facts) => void (facts.plan.def_hash = "other"))).toEqual(["I4 the plan's hash replays differently"]);
    expect(broken((facts) => void (facts.plan.spent_tokens = 15))).toEqual([
      "I4 15 tokens are booked, the log says 30",
    ]);
    expect(broken((facts) => void (facts.plan.spent_cost_usd = 0))).toEqual(["I4 $0 is booked, the log says $0.5"]);
    const illegal = broken((facts) => without(facts, (event) => event.type === "step.readied" && event.stepId === "b"));
    expect(illegal).toContain("I4 event 20 takes b from blocked to running");
  });

  test("I6, a step did not wait for what it needs", () => {
    const early = broken((facts) => {
      const [start] = facts.events.filter(isStart("b", 1));
      renumber(facts, [
        ...facts.events.slice(0, 8),
        start!,
        ...facts.events.slice(8).filter((event) => event !== start),
      ]);
    });
    expect(early).toContain("I6 b started before a had succeeded");
  });

  test("I7, nobody approved it", () => {
    const isGrant = (kind: string) => (event: PlanEvent) =>
      event.type === "approval.decided" && event.data.approvalId === `approval-${kind}-a`;
    expect(broken((facts) => without(facts, isGrant("step")))).toContain(
      "I7 a started without the approval it asks for",
    );
    expect(broken((facts) => without(facts, isGrant("call")))).toEqual(["I7 call 1.0 of a ran outside, unapproved"]);
    expect(broken((facts) => change(facts, isGrant("step"), { status: "denied" }))).toContain(
      "I7 a started without the approval it asks for",
    );
    const isAsked = (event: PlanEvent) => event.type === "approval.requested" && event.data.request.kind === "call";
    const ask = (changes: object) =>
      broken((facts) => {
        const asked = facts.events.find(isAsked)!;
        change(facts, isAsked, { request: { ...(asked.data as { request: object }).request, ...changes } });
      });
    expect(ask({ inputJson: '{"argv":["false"]}' })).toEqual(["I7 call 1.0 of a ran outside, unapproved"]);
    expect(ask({ tool: "run_tests" })).toEqual(["I7 call 1.0 of a ran outside, unapproved"]);
    const widely = (changes: object) =>
      broken((facts) => {
        const asked = facts.events.find(isAsked)!;
        change(facts, isAsked, { request: { ...(asked.data as { request: object }).request, ...changes } });
        change(facts, isGrant("call"), { callId: "0.9", scope: "run" });
      });
    expect(widely({})).toEqual([]);
    expect(widely({ tool: "write_file" })).toEqual(["I7 call 1.0 of a ran outside, unapproved"]);
    const other = { b: "0".repeat(64) };
    expect(broken((facts) => change(facts, ({ type }) => type === "plan.approved", { stepHashes: other }))).toEqual([
      "I7 b started, but nobody approved it as it is",
      "I7 b started, but nobody approved it as it is",
    ]);
  });

  test("I8, a fence did not rise, or somebody wrote whose claim was gone", () => {
    expect(broken((facts) => change(facts, isStart("b", 2), { fence: 1 }))).toEqual([
      "I8 event 24: the fence of b did not rise",
    ]);
    const zombie = broken((facts) => {
      const late = parseEvent({ ...facts.events.find((event) => event.type === "model.finished")!, stepId: "b" });
      const at = facts.events.findIndex(isStart("b", 2)) + 1;
      renumber(facts, [...facts.events.slice(0, at), late, ...facts.events.slice(at)]);
    });
    expect(zombie).toContain("I8 event 25: attempt 1 of worker-1 wrote for b, held by attempt 2 of worker-1");
    expect(broken((facts) => without(facts, ({ type }) => type === "step.lost"))).toContain(
      "I8 event 23: b was claimed while somebody held it",
    );
    const unheld = broken((facts) => without(facts, isStart("b", 2)));
    expect(unheld).toContain("I8 event 24: worker-1 wrote for b, which nobody held");
  });

  test("I9, something is left over", () => {
    expect(broken(({ outbox }) => void outbox.push("m1"))).toEqual(["I9 1 rows are left in outbox"]);
    expect(broken(({ timers }) => void timers.push("t1"))).toEqual(["I9 1 rows are left in timer"]);
    expect(broken(({ steps }) => void (steps[0]!.lease_owner = "w"))).toEqual(["I9 a still has a lease"]);
    expect(broken(({ steps }) => void (steps[0]!.reserved_tokens = 1))).toEqual(["I9 a still holds a reserve"]);
    expect(broken((facts) => void (facts.plan.reserved_cost_usd = 1))).toEqual(["I9 the plan still holds a reserve"]);
    const open = { id: "q1", step_id: "a", status: "pending" };
    expect(broken(({ approvals }) => void approvals.push(open))).toEqual(["I9 question q1 is still open"]);
  });
});

test("every invariant that rows and log can show was seen broken here", () => {
  const elsewhere = ["I5", "I10", "I11"];
  expect([...seen].sort()).toEqual(
    Object.keys(invariants)
      .filter((name) => !elsewhere.includes(name))
      .sort(),
  );
});
