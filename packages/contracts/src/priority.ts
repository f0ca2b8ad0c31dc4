// How urgent a plan is among the plans of its tenant. It orders what waits and interrupts nothing.
import { z } from "zod";

export const PlanPriority = z.enum(["high", "normal", "low"]);
export type PlanPriority = z.infer<typeof PlanPriority>;

const numbers: Readonly<Record<PlanPriority, number>> = { high: 1, normal: 0, low: -1 };

/** As messages carry it: the higher number is handed out first. */
export function priorityNumber(priority: PlanPriority = "normal"): number {
  return numbers[priority];
}
