// Every place at which a server can be killed by name. A closed list: a run that reaches a name
// which is not here, or a list with a name that no run reaches, fails its test.

/** Transactions by what they write; the numbers are those of the engine's own comments. */
export const transactionNames = [
  "T1.submit",
  "T1.retry",
  "T3.claim",
  "T4.heartbeat",
  "T5.intent",
  "T5.outcome",
  "T6.complete",
  "T6.propose",
  "T6.end",
  "T7.backOff",
  "T7.fail",
  "T7.park",
  "T8.timer",
  "T9.lose",
  "T10.answer",
  "T11.cancel",
  "T12.announce",
  "plan.approve",
  "plan.edit",
  "plan.pause",
  "plan.resume",
  "plan.revise",
  "plan.reject",
  "plan.record",
  "step.workspace",
  "step.context",
  "step.guidance",
  "step.conflict",
  "step.merged",
  "turn.reserve",
  "turn.record",
  "turn.fail",
  "idem.forget",
] as const;
export type TransactionName = (typeof transactionNames)[number];

/** Calls that leave the database alone and change, or learn, something outside of it. */
export const callNames = [
  "tools.execute",
  "tools.cancel",
  "results.save",
  "workspaces.inspect",
  "workspaces.open",
  "workspaces.restore",
  "workspaces.diff",
  "workspaces.commit",
  "workspaces.merge",
  "workspaces.continueMerge",
  "workspaces.publish",
  "workspaces.writeRecord",
  "workspaces.remove",
  "artifacts.put",
  "journal.begin",
  "journal.finish",
  "journal.forget",
  "journal.forgetPlan",
  "model.stream",
  "git.write-tree",
  "git.read-tree",
  "git.commit-tree",
  "git.merge-tree",
  "git.update-ref",
  "git.unpack-objects",
] as const;
export type CallName = (typeof callNames)[number];

export type FailpointName = `${TransactionName | CallName} ${"before" | "after"}`;

/** Right before and right after each; of a transaction: of its commit. */
export const failpointNames: readonly FailpointName[] = [...transactionNames, ...callNames].flatMap(
  (name): FailpointName[] => [`${name} before`, `${name} after`],
);
