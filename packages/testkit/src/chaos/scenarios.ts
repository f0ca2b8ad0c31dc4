// Plans that between them reach every failpoint.
import type { PlanShape, ShapeStep, StepTwist } from "./plan-shape.ts";
import type { Life } from "./run-lives.ts";

export type Scenario = {
  name: string;
  shapes: readonly PlanShape[];
  /** Lives that a server has before the one that is looked at: some places are reached only after a kill. */
  before: readonly Life[];
  /** All messages are lost before that life. */
  losesMessages?: true;
};

const writer = (id: string, twist: StepTwist, ...needs: string[]): ShapeStep => ({ id, kind: "write", needs, twist });

function plan(goal: string, steps: ShapeStep[], incident?: PlanShape["incident"]): PlanShape {
  return { goal, steps, incident };
}

const killAt = (name: string, hit = 1): Life => ({ target: { name, hit }, killAfterMs: 20_000 });

const work: PlanShape[] = [
  plan("Do the work", [writer("w0", "slow"), { id: "w1", kind: "audit", needs: ["w0"], twist: "plain" }]),
];

/** Two plans, so that what each does once is done twice for sure. */
const twoAtOnce: PlanShape[] = [...work, plan("Do more", [writer("x0", "plain")])];

/** Deeds of a person, each on a plan of its own. */
const people: PlanShape[] = [
  plan("Try again", [writer("r0", "broken")], { deed: "retry", afterSeq: 1 }),
  plan("Give up", [writer("c0", "slow"), writer("c1", "plain", "c0")], { deed: "cancel", afterSeq: 22 }),
  plan("Plan otherwise", [writer("v0", "plain")], { deed: "revise", afterSeq: 8 }),
  plan("Say no", [writer("n0", "plain")], { deed: "reject", afterSeq: 8 }),
  plan("Wait", [writer("h0", "slow"), writer("h1", "plain", "h0")], { deed: "pause", afterSeq: 20 }),
];

export const scenarios: readonly Scenario[] = [
  { name: "work", shapes: twoAtOnce, before: [] },
  { name: "work that was interrupted", shapes: work, before: [killAt("tools.execute after")] },
  { name: "an end that was interrupted", shapes: work, before: [killAt("T6.end after")] },
  {
    name: "messages that were lost",
    shapes: work,
    before: [killAt("T6.complete after")],
    losesMessages: true,
  },
  {
    name: "a conflict",
    shapes: [
      plan("Join", [
        writer("m-shared0", "plain"),
        writer("m-shared1", "plain"),
        { id: "join", kind: "merge", needs: ["m-shared0", "m-shared1"], twist: "plain" },
      ]),
    ],
    before: [],
  },
  {
    name: "questions",
    shapes: [
      plan("Ask", [
        writer("q0", "outside"),
        writer("q1", "asked", "q0"),
        writer("q2", "rejected", "q1"),
        writer("q3", "flaky", "q2"),
      ]),
    ],
    before: [],
  },
  { name: "people", shapes: people, before: [] },
];
