// Rows for tests that write tables directly.
import type { PlanRow } from "../store/tables.ts";

export function planRow(id: string, changes: Partial<PlanRow> = {}): PlanRow {
  return {
    id,
    tenant_id: "local",
    status: "draft",
    goal: "Make it better",
    options_json: "{}",
    def_json: null,
    def_hash: null,
    revision: 0,
    planning_round: 1,
    approved_json: "{}",
    model: null,
    next_seq: 1,
    cancel_at: null,
    priority: 0,
    repository_path: "/repo",
    created_by: "test",
    created_at: 0,
    updated_at: 0,
    finished_at: null,
    deadline_at: null,
    spent_tokens: 0,
    spent_cost_usd: 0,
    unknown_cost_turns: 0,
    reserved_tokens: 0,
    reserved_cost_usd: 0,
    recorded_revision: 0,
    traceparent: null,
    ...changes,
  };
}
