// Safeguards of the engine, each taken away by one change of the source, and the run in which its
// absence must show.
import type { Life, Mutation, PlanShape } from "../../packages/testkit/src/chaos/index.ts";
import type { Invariant } from "../../packages/testkit/src/index.ts";
import { noFence } from "./shared-mutations.ts";

export type MutationCase = {
  mutation: Mutation;
  /** What the oracle must say: another complaint may come from a run that merely broke. */
  caughtBy: Invariant;
  shape: PlanShape;
  lives: readonly Life[];
  limits: Record<string, number>;
  finalClockOffsetMs?: number;
};

const hour = 3_600_000;
const fast = { pollMs: 100, baseBackoffMs: 100 };
const longMs = 20_000;

const plan = (twist: "slow" | "once" | "plain"): PlanShape => ({
  goal: "Do it",
  steps: [
    { id: "m0", kind: "write", needs: [], twist },
    { id: "m1", kind: "write", needs: ["m0"], twist: "plain" },
  ],
  incident: undefined,
});

/** The clock jumps while a step runs: its lease is over, and its worker does not know. */
const jumpWhileRunning: readonly Life[] = [
  { target: { name: "nowhere", hit: 1 }, killAfterMs: longMs, jump: { onPoint: "T5.intent after 2", toMs: hour } },
];

const diesAt = (name: string, hit = 1): Life => ({ target: { name, hit }, killAfterMs: longMs });

export const mutationCases: readonly MutationCase[] = [
  {
    mutation: noFence,
    caughtBy: "I8",
    shape: plan("slow"),
    lives: jumpWhileRunning,
    limits: { ...fast, heartbeatMs: 60_000 },
    finalClockOffsetMs: hour,
  },
  {
    mutation: {
      name: "no outbox",
      file: "services/orchestrator/src/job/dispatch-step.ts",
      find: "  await insertMessage(tx, {",
      replace: `  if (envelope.attempt > 0) return;
  await insertMessage(tx, {`,
    },
    caughtBy: "I1",
    shape: plan("plain"),
    lives: [],
    limits: fast,
  },
  {
    mutation: {
      name: "no sequence lock",
      file: "services/orchestrator/src/event/append-events.ts",
      find: ".set({ next_seq: slots.nextSeq, updated_at: slots.now })",
      replace: ".set({ updated_at: slots.now })",
    },
    caughtBy: "I3",
    shape: plan("plain"),
    lives: [],
    limits: fast,
  },
  {
    mutation: {
      name: "no resume of finished turns",
      file: "services/orchestrator/src/step/call-model.ts",
      find: "  const known = await journal.delivered(keyOfTurn(call));",
      replace: "  const known = undefined as Awaited<ReturnType<typeof journal.delivered>>;",
    },
    caughtBy: "I5",
    shape: plan("plain"),
    lives: [diesAt("turn.record before", 2)],
    limits: fast,
  },
  {
    mutation: {
      name: "no question about an effect that may happen once",
      file: "services/orchestrator/src/job/end-step.ts",
      find: `  return step.effect_class === "once" && step.intent_call_id !== null;`,
      replace: `  return step.effect_class === "never" && step.intent_call_id !== null;`,
    },
    caughtBy: "I5",
    shape: plan("once"),
    lives: [diesAt("tools.execute after", 2)],
    limits: fast,
  },
  {
    mutation: {
      name: "no end of a lost attempt",
      file: "services/orchestrator/src/job/sweep.ts",
      find: `  await endAttempt(change.tx, { planId: step.plan_id, stepId, attempt }, { now: change.now, outcome: "lost" });
`,
      replace: "",
    },
    caughtBy: "I1",
    shape: plan("plain"),
    lives: [diesAt("turn.reserve after", 2)],
    limits: fast,
  },
];
