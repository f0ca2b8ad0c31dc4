// The caps that the administrator of a server fixed: no request, edit or retry of any client is above them.
import type { Budget } from "@ossaat/contracts";

function lower(asked: number | undefined, cap: number | undefined): number | undefined {
  if (asked === undefined || cap === undefined) return asked ?? cap;
  return Math.min(asked, cap);
}

/** The stricter of both, cap by cap; a cap that only one of them has holds. */
export function capBudget(asked: Budget, caps: Budget | undefined): Budget {
  if (caps === undefined) return asked;
  const entries = (["maxTokens", "maxCostUsd", "maxMinutes"] as const).flatMap((key) => {
    const value = lower(asked[key], caps[key]);
    return value === undefined ? [] : [[key, value] as const];
  });
  return { ...asked, ...Object.fromEntries(entries) };
}
