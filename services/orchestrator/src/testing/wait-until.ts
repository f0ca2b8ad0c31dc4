// Waiting for something to become true, without asserting how long it takes.
import { setTimeout as sleep } from "node:timers/promises";

/** Looks every few milliseconds. @throws Error when it did not come true in time */
export async function waitUntil(what: string, check: () => boolean | Promise<boolean>, maxMs = 10_000): Promise<void> {
  const end = performance.now() + maxMs;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`still not true after ${maxMs} ms: ${what}`);
    await sleep(2);
  }
}
