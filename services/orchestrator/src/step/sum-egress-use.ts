// What a step's calls have moved through its way out so far, from the log: a runner that was started
// again knows nothing of them.
import type { EgressUse, EventData } from "@ossaat/contracts";

import type { Reader } from "../store/store.ts";

/** Sum over all attempts of the step. */
export async function sumEgressUse(
  read: Reader,
  { planId, stepId }: { planId: string; stepId: string },
): Promise<EgressUse> {
  const rows = await read
    .selectFrom("event")
    .select("data_json")
    .where("plan_id", "=", planId)
    .where("step_id", "=", stepId)
    .where("type", "=", "egress.decided")
    .execute();
  const records = rows.map(({ data_json: json }) => JSON.parse(json) as EventData<"egress.decided">);
  return records.reduce(({ up, down }, { bytesUp, bytesDown }) => ({ up: up + bytesUp, down: down + bytesDown }), {
    up: 0,
    down: 0,
  });
}
