// What the oracle reports: which invariant is broken, and by what.

/** The invariants of a plan whose server was killed at any moments, in the order they are checked. */
export const invariants = {
  I1: "every plan and every step of it has ended",
  I2: "no step succeeded more than once",
  I3: "events are numbered 1 to n without gap or repetition",
  I4: "the log replays to the rows, by legal changes only, and to what git and the artifacts hold",
  I5: "effects happened as often as their class allows, and no delivered model turn was bought again",
  I6: "no step started before what it needs had succeeded",
  I7: "nothing ran or changed that nobody had approved",
  I8: "fences rise, and nobody wrote for an attempt that was not theirs any more",
  I9: "nothing is left over: messages, timers, leases, reserves, questions, working trees",
  I10: "every reader of the event stream saw the log from its begin without a gap",
  I11: "what a kill interrupted went on in time",
} as const;

export type Invariant = keyof typeof invariants;

export type Finding = { invariant: Invariant; planId: string; message: string };

/** One line. */
export function describeFinding({ invariant, planId, message }: Finding): string {
  return `${invariant} ${planId}: ${message}`;
}
