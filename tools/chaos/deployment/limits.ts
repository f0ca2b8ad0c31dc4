// Named limits of chaos runs on a deployment, each with its unit and reason.
import type { HastenedLimits } from "../../../services/orchestrator/src/testing/hasten-limits.ts";

export const deploymentLimits = {
  /** Processes of each kind: one is killed, another goes on. */
  apis: 2,
  workers: 2,
  /** Seeds that run side by side: they wait much, for models, for what was killed, for each other. */
  parallel: 6,
  /** Time a process lives at least before it is killed again, ms: one that never gets to work shows nothing. */
  leastLifeMs: 1_500,
  /** Time between two kills of workers, ms: a step that loses its worker more than three times without progress is given up. */
  betweenWorkersMs: 700,
  /** Pause before a process that ended is started again, ms. */
  restartMs: 50,
  /** Pause between two looks at plans and processes, ms. */
  lookMs: 50,
  /** Time after an outage in which a process may end by itself, ms: what it needs at its start was away. */
  afterOutageMs: 10_000,
  /** Time a seed's plans have to end, ms: more than a lease, because one may have to run out, and a broker's restart. */
  settleMs: 120_000,
  /** Time for what is done after the end of a plan, ms: the claim of a relay that was killed, and several sweeps. */
  afterEndMs: 10_000,
} as const;

/** What happens by the clock happens within seconds; the lease and what the oracle bounds stay as they are. */
export const hastened: HastenedLimits = {
  engine: {
    heartbeatMs: 1_000,
    pollMs: 250,
    cleanMs: 500,
    cancelGraceMs: 1_500,
    baseBackoffMs: 300,
    relayClaimMs: 4_000,
    retrySoonMs: 300,
  },
  kafka: {
    sessionMs: 2_000,
    heartbeatMs: 500,
    rebalanceMs: 5_000,
    commitMs: 300,
    maxRebuildMs: 1_000,
    retrySoonMs: 300,
  },
  rabbitmq: { confirmMs: 3_000, maxReconnectMs: 1_000, minRetryMs: 300 },
};
