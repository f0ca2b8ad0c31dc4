// Named limits of the job engine, each with its unit and reason.
export const jobEngineLimits = {
  /** Lease of a running step, ms: long enough for one slow commit, short enough to recover soon. */
  leaseMs: 30_000,
  /** Heartbeat, ms: a third of the lease, so that two may be lost. */
  heartbeatMs: 10_000,
  /** A worker that could not renew for this share of the lease stops by itself. */
  selfAbortShare: 0.7,
  /** Time between two looks whether it could, ms: a heartbeat that hangs must not hide it. */
  silenceCheckMs: 1_000,
  /** Failures of one step before it ends failed. */
  maxFailures: 5,
  /** Calls of one step that a provider accepted and never finished answering; each took minutes and may be charged. */
  maxSilentCalls: 2,
  /** Tries of a step while the tool runner is away: with their pauses longer than it takes to replace it. */
  maxUnreachable: 100,
  /** Pause between two such tries, ms. */
  unreachableRetryMs: 3_000,
  /** Leases lost without progress before the step counts as poison. */
  maxLost: 3,
  /** Longest backoff between failures, ms. */
  maxBackoffMs: 300_000,
  /** Longest time another side may ask us to wait, ms: a day, so that a quota can renew. */
  maxRetryAfterMs: 24 * 60 * 60 * 1000,
  /** First backoff, ms. */
  baseBackoffMs: 1_000,
  /** Grace for running steps after a cancel, ms. */
  cancelGraceMs: 10_000,
  /** Ready steps without an outbox row that were announced longer ago than this are announced again, ms. */
  reemitAfterMs: 30_000,
  /** A step that its taker could not run is announced again after so long, ms: soon for one that can, gently if none can. */
  leftMs: 5_000,
  /** The clock was set back when it lost this much against one that never jumps, ms; less is adjustment. */
  minClockStepMs: 2_000,
  /** Safety poll of queue and timers when no wake arrives, ms. */
  pollMs: 500,
  /** Pause between two looks for ready steps without a message, ms: those were announced a while ago. */
  reemitMs: 2_000,
  /** Ready steps that one such look goes over: a backlog of 100,000 takes less than two minutes. */
  reemitLooks: 2_000,
  /**
   * Polls after which another process takes up the sweeps of one that does not ask any more: two, so that none
   * is passed over for being a little late.
   */
  turnPolls: 2,
  /** Pause between two clean-ups, ms: nobody waits for them. */
  cleanMs: 1_000,
  /** Pause of a timer that failed, ms: what it waits for may be mended meanwhile. */
  failedTimerMs: 30_000,
  /** Messages that the outbox counts as its depth; more count as so many, because counting a long backlog is slow. */
  countedMessages: 10_000,
  /** Rows handled by one sweep. */
  sweepBatch: 100,
  /** Visibility of a claimed outbox row, ms. */
  outboxClaimMs: 5_000,
  /** Messages that wait at a broker for each slot: few, because what waits there is decided already. */
  relayedPerSlot: 2,
  /** Messages that the relay hands to a broker at once. */
  relayBatch: 100,
  /** Claim of the relay on a message, ms: longer than a broker takes to confirm or be given up. */
  relayClaimMs: 30_000,
  /** Time after which confirmed messages are deleted, ms: longer than a free worker takes to claim the step. */
  relayRemoveMs: 50,
  /** Pause of the relay while the broker has enough, ms: an idle worker must not wait for a poll. */
  relayFullMs: 25,
  /** Dead letters that a person is shown who names no limit, the oldest of the tenant. */
  shownDeadLetters: 1_000,
  /** Dead letters that one request ends: each plan that they are about gets its events before the answer. */
  decidedDeadLetters: 2_000,
  /** Dead letters that end before their plans' logs say so and the time is looked at. */
  lettersAtOnce: 50,
  /**
   * Time after which a request about dead letters looks for none and ends none any more, ms: a gateway gives an
   * answer up that has not begun after 30 s, and what is being ended by then takes some seconds more.
   */
  lettersMs: 20_000,
  /** A worker waits so long for the process that has its name, ms: one that was told to stop, or whose end the database has not noticed. */
  workerNameMs: 10_000,
  /** Pause between two tries to take a name, ms. */
  workerNamePauseMs: 250,
  /** Pause of a subscription whose handler could not reach the store, ms. */
  retrySoonMs: 1_000,
} as const;
