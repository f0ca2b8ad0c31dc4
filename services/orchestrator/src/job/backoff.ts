// Full-jitter backoff, or the time the other side asked for.
import type { Rng } from "../clock.ts";
import { jobEngineLimits } from "./limits.ts";

/** Milliseconds to wait before failure number `failures` (1-based) is tried again. */
export function backoffMs(failures: number, rng: Rng, retryAfterMs?: number): number {
  if (retryAfterMs !== undefined) return Math.min(jobEngineLimits.maxRetryAfterMs, Math.max(0, retryAfterMs));
  const cap = Math.min(jobEngineLimits.maxBackoffMs, jobEngineLimits.baseBackoffMs * 2 ** Math.max(0, failures - 1));
  return Math.floor(rng() * cap);
}
