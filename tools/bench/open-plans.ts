// Many open plans in a database on PostgreSQL: half wait for their approval, half for a step's retry.
import type { Client } from "pg";

import { failStep } from "../../services/orchestrator/src/job/end-step.ts";
import type { Engine } from "../../services/orchestrator/src/job/engine.ts";
import { takeStep } from "../../services/orchestrator/src/testing/take-step.ts";
import { storeApproved, storeProposal } from "../../services/orchestrator/src/testing/test-engine.ts";
import { noOpPlan } from "./engine-load.ts";

const stepsPerPlan = 4;
/** Long after the measurement, ms. */
const retryMs = 86_400_000;

/** Copies every row of a plan under new ids: making each of ten thousand would take minutes. */
async function copyPlan(
  client: Client,
  from: string,
  { first, copies }: { first: number; copies: number },
): Promise<void> {
  for (const table of ["plan", "step", "step_dep", "attempt", "event", "timer", "approval"]) {
    const { rows: columns } = await client.query<{ name: string; type: string }>(
      "select column_name as name, data_type as type from information_schema.columns where table_name = $1",
      [table],
    );
    const key = table === "plan" ? "id" : "plan_id";
    const values = columns.map(({ name, type }) => {
      if (type !== "text") return `t.${name}`;
      if (name === "id" && table !== "plan") return "t.id || '-' || n";
      return `replace(t.${name}, '${from}', left('${from}', -12) || lpad((n + ${first})::text, 12, '0'))`;
    });
    await client.query(
      `insert into ${table} (${columns.map(({ name }) => name).join(", ")})
       select ${values.join(", ")} from ${table} t, generate_series(1, ${copies}) n where t.${key} = '${from}'`,
    );
  }
}

/** Fills an empty database. */
export async function storeOpenPlans(engine: Engine, client: Client, count: number): Promise<void> {
  const waiting = await storeProposal(engine, noOpPlan(1, stepsPerPlan));
  const running = await storeApproved(engine, noOpPlan(2, stepsPerPlan));
  const claim = await takeStep(engine, running, "s0");
  const later = { reason: "provider_failed", code: "provider_failed", message: "later", retryable: true } as const;
  await failStep(engine, claim, { ...later, retryAfterMs: retryMs });
  await copyPlan(client, waiting, { first: 1_000_000, copies: count / 2 - 1 });
  await copyPlan(client, running, { first: 2_000_000, copies: count / 2 - 1 });
  await client.query("analyze");
}
