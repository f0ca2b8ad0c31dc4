// Names a transaction by what it wrote, so that no caller has to be told of failpoints.
import type { OperationNode, RootOperationNode } from "kysely";
import { InsertQueryNode, TableNode, UpdateQueryNode, ValuesNode, DeleteQueryNode } from "kysely";

import type { TransactionName } from "./names.ts";

/** What one transaction wrote so far. */
export type Writes = {
  /** `insert outbox`, `update step` … */
  statements: Set<string>;
  /** Types of the events it appended, and the statuses that `step.finished` names. */
  events: Set<string>;
};

function tableOf(node: OperationNode | undefined): string {
  return node !== undefined && TableNode.is(node) ? node.table.identifier.name : "";
}

function noteEvents(node: InsertQueryNode, writes: Writes): void {
  const at = (name: string) => node.columns?.findIndex(({ column }) => column.name === name) ?? -1;
  if (node.values === undefined || !ValuesNode.is(node.values)) return;
  for (const row of node.values.values) {
    const cell = (index: number): unknown => {
      const value: unknown = row.values[index];
      return typeof value === "object" && value !== null && "value" in value ? value.value : value;
    };
    const type = String(cell(at("type")));
    writes.events.add(type);
    if (type !== "step.finished" && type !== "approval.decided") continue;
    const { status } = JSON.parse(String(cell(at("data_json")))) as { status: string };
    writes.events.add(`${type} ${status}`);
  }
}

/** Adds a statement to what a transaction wrote; reads add nothing. */
export function noteStatement(node: RootOperationNode, writes: Writes): void {
  if (InsertQueryNode.is(node)) {
    const table = tableOf(node.into);
    writes.statements.add(`insert ${table}`);
    if (table === "event") noteEvents(node, writes);
  } else if (UpdateQueryNode.is(node)) {
    writes.statements.add(`update ${tableOf(node.table)}`);
  } else if (DeleteQueryNode.is(node)) {
    writes.statements.add(`delete ${tableOf(node.from.froms[0])}`);
  }
}

/** The first rule that fits names the transaction. */
const rules: readonly [
  TransactionName,
  (event: (type: string) => boolean, did: (statement: string) => boolean) => boolean,
][] = [
  ["T1.retry", (event, did) => did("insert plan") && event("plan.approved")],
  ["T1.submit", (_event, did) => did("insert plan")],
  ["T11.cancel", (event) => event("plan.cancel_requested")],
  ["T9.lose", (event) => event("step.lost")],
  ["T3.claim", (event) => event("step.started")],
  ["T5.intent", (event) => event("tool.started")],
  ["T10.answer", (event) => event("approval.decided granted") || event("approval.decided denied")],
  ["turn.reserve", (event) => event("budget.reserved")],
  ["turn.record", (event) => event("model.finished")],
  ["turn.fail", (event) => event("model.failed")],
  ["plan.revise", (event) => event("plan.revision_requested")],
  ["plan.reject", (event) => event("plan.rejected")],
  ["T6.end", (event) => event("plan.finished") && event("step.finished succeeded")],
  ["T6.propose", (event) => event("plan.proposed") && event("step.finished succeeded")],
  ["plan.edit", (event) => event("plan.proposed")],
  ["T7.fail", (event) => event("step.finished failed") || event("step.finished cancelled")],
  ["T6.complete", (event) => event("step.finished succeeded")],
  ["T7.backOff", (event) => event("step.backed_off")],
  ["plan.approve", (event) => event("plan.approved")],
  ["T7.park", (event) => event("approval.requested")],
  ["T8.timer", (_event, did) => did("delete timer")],
  ["plan.pause", (event) => event("plan.paused")],
  ["plan.resume", (event) => event("plan.resumed")],
  ["plan.record", (event) => event("plan.recorded")],
  ["step.workspace", (event) => event("workspace.opened")],
  ["step.context", (event) => event("context.assembled") || event("context.compacted")],
  ["step.guidance", (event) => event("guidance.added")],
  ["step.conflict", (event) => event("merge.conflicted")],
  ["step.merged", (event) => event("merge.finished")],
  ["T5.outcome", (event) => event("tool.finished") || event("egress.decided")],
  ["T12.announce", (_event, did) => did("insert outbox")],
  ["T4.heartbeat", (_event, did) => did("update step") && !did("insert event")],
  ["idem.forget", (_event, did) => did("delete idem")],
];

/** @returns undefined for a transaction that wrote nothing, or only dropped a stale message. @throws Error for one that no rule names */
export function nameTransaction({ statements, events }: Writes): TransactionName | undefined {
  if (statements.size === 0) return undefined;
  // A stale message is dropped only in a race: no plan leads there surely, random kills do at times.
  if (statements.size === 1 && statements.has("delete outbox")) return undefined;
  const found = rules.find(([, fits]) =>
    fits(
      (type) => events.has(type),
      (statement) => statements.has(statement),
    ),
  );
  if (found !== undefined) return found[0];
  throw new Error(`no name for a transaction that wrote ${[...statements, ...events].join(", ")}`);
}
