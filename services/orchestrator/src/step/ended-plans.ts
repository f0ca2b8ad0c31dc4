// Which plans have ended, in one statement for many.
import { PlanStatus, isTerminalPlan } from "@ossaat/contracts";
import type { Expression } from "kysely";

import type { Reader } from "../store/store.ts";
import { clearLimits } from "./limits.ts";

export type EndedPlan = { planId: string; status: PlanStatus };

/** Every status that a plan keeps for ever. */
export const terminalStatuses: readonly PlanStatus[] = PlanStatus.options.filter(isTerminalPlan);

/** @returns those of `planIds` that have ended; when `before` is given, until then (ms since the epoch) */
export async function selectEnded(
  read: Reader,
  planIds: readonly string[],
  before?: number | Expression<number>,
): Promise<EndedPlan[]> {
  const { plansAStatement: size } = clearLimits;
  const ended: EndedPlan[] = [];
  for (let from = 0; from < planIds.length; from += size) {
    const query = read
      .selectFrom("plan")
      .select(["id as planId", "status"])
      .where("id", "in", planIds.slice(from, from + size))
      .where("status", "in", terminalStatuses)
      .orderBy("id");
    const rows = before === undefined ? query : query.where("finished_at", "<=", before);
    ended.push(...(await rows.execute()));
  }
  return ended;
}
