// Which replicas take requests, by a look at each every second: one that drains, starts or is frozen
// gets none as long as another one is ready.
import { gatewayLimits } from "./limits.ts";

export type ReplicaHealth = {
  /** The replicas in the order given, those that are ready first. */
  readyFirst(replicas: readonly string[]): string[];
  /** Looks at all of them now; gives how many are ready. */
  look(): Promise<number>;
  close(): void;
};

export type ReplicaHealthOptions = {
  replicas: readonly string[];
  log: { warn(fields: object, message: string): void };
  /** Milliseconds between two looks. */
  lookMs: number;
};

async function askReady(origin: string): Promise<boolean> {
  const signal = AbortSignal.timeout(gatewayLimits.readyMs);
  try {
    const answer = await fetch(new URL("/readyz", origin), { signal });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}

export function watchReplicas({ replicas, log, lookMs }: ReplicaHealthOptions): ReplicaHealth {
  // NOTE: nobody is left out before the first look.
  const unready = new Set<string>();
  const looking = new Map<string, Promise<void>>();

  async function lookAt(origin: string): Promise<void> {
    const isReady = await askReady(origin);
    if (isReady === !unready.has(origin)) return;
    if (isReady) unready.delete(origin);
    else unready.add(origin);
    log.warn({ replica: origin }, isReady ? "a replica is ready again" : "a replica is not ready");
  }

  function lookOnce(origin: string): Promise<void> {
    const look = looking.get(origin) ?? lookAt(origin).finally(() => looking.delete(origin));
    looking.set(origin, look);
    return look;
  }

  async function look(): Promise<number> {
    await Promise.all(replicas.map(lookOnce));
    return replicas.length - unready.size;
  }

  const timer = setInterval(() => void look(), lookMs);
  timer.unref();
  return {
    readyFirst: (inTurn) => [
      ...inTurn.filter((origin) => !unready.has(origin)),
      ...inTurn.filter((origin) => unready.has(origin)),
    ],
    look,
    close: () => clearInterval(timer),
  };
}
