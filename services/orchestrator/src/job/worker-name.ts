// The name that a worker goes by: on a shared database one that no other living process has, because who
// starts takes back the steps of its name.
import { setTimeout as sleep } from "node:timers/promises";

import type { Ids } from "../clock.ts";
import type { Store } from "../store/store.ts";
import type { Engine } from "./engine.ts";
import { jobEngineLimits } from "./limits.ts";

export type WorkerNameDeps = {
  store: Store;
  ids: Pick<Ids, "short">;
  log: Pick<Engine["log"], "warn">;
};

/**
 * Waits for the process before, which may just be ending; beside one that lives on, the name gets an ending
 * of its own, under which there is nothing to take back.
 * @throws AgentError unavailable
 */
export async function takeWorkerName(
  { store, ids, log }: WorkerNameDeps,
  name: string,
  waitMs: number = jobEngineLimits.workerNameMs,
): Promise<string> {
  if (store.names === undefined) return name;
  const onLost = () =>
    log.warn({ name }, "another process took this worker's name while the database was out of reach");
  const until = performance.now() + waitMs;
  while (!(await store.names.take(name, onLost))) {
    if (performance.now() >= until) {
      const own = `${name}-${ids.short()}`;
      const fields = { name, own };
      log.warn(fields, "another process runs under this worker's name; set OSSAAT_WORKER_NAME to one of its own");
      return own;
    }
    await sleep(jobEngineLimits.workerNamePauseMs);
  }
  return name;
}
