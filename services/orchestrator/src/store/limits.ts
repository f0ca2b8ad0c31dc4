// Named limits of a store that is a server, each with its unit and reason.
export const postgresLimits = {
  /** Statements that a connection keeps prepared, each some kilobytes of the server's memory. */
  preparedStatements: 300,
  /** Texts of statements that a process knows to have run before, so that the next run prepares them. */
  knownStatements: 2_000,
  /** Oldest version that is supported, as `server_version_num`. */
  minVersion: 150_000,
  /** Connections of a process that runs no or few steps: a transaction holds one for some milliseconds. */
  poolSize: 8,
  /** Connections of a process besides one for each step it runs: requests, sweeps and messages. */
  poolReserve: 4,
  /** Most connections of one process, which 256 steps share too: many replicas share a server, which takes 100. */
  maxPoolSize: 32,
  /** Times that a connection is waited for while all are in use: a process that is busy is no failure yet. */
  poolTries: 3,
  /** Longest wait for a connection, ms: an API that cannot reach its database says so soon. */
  connectMs: 5_000,
  /** Longest statement, ms: every statement of the engine is a matter of milliseconds. */
  statementMs: 15_000,
  /** Longest wait for a row that another transaction holds, ms: shorter than a statement, so that the cause is named. */
  lockMs: 10_000,
  /** A transaction that stands still this long is ended by the server, ms: before those that wait for its rows give up. */
  idleInTransactionMs: 8_000,
  /** Longest wait for any answer, ms: more than a statement may take, so that only a dead connection meets it. */
  answerMs: 20_000,
  /** Time a server waits for the one before it to let go of the database, ms: it may just be going down. */
  ownerWaitMs: 5_000,
  /** Pause between two tries to take the database, ms. */
  ownerPauseMs: 250,
  /** Pause between two tries to have a name again that another process took, ms. */
  namePauseMs: 1_000,
  /** Time between two questions whether a session lives that carries a lock or listens, ms: a third of a lease. */
  watchMs: 5_000,
  /** Longest wait for the answer, ms: a trivial statement, which only a dead connection or a stuck server delays so. */
  watchAnswerMs: 5_000,
  /** Longest wait for the server when a session ends, ms: one that is out of reach never answers. */
  goodbyeMs: 1_000,
  /** Silence on a connection before the system asks whether the other side is there, ms. */
  keepAliveMs: 10_000,
  /** A burst of wake-ups within this time becomes one, ms: shorter than a person or a step notices. */
  wakeMs: 10,
  /** Bytes of one notification; the server takes fewer than 8000. */
  maxWakeBytes: 7_000,
  /** Pause before a lost connection for wake-ups is opened again, ms: the polls are as quick. */
  relistenMs: 500,
  /** Longest migration, ms, and longest wait for another replica's. */
  migrationMs: 600_000,
  /** Longest wait of a migration for a table that is in use, ms: whoever comes after it waits as long. */
  migrationLockMs: 2_000,
  /** Pause before it asks for the table again, ms, in which the others get their turn. */
  migrationPauseMs: 1_000,
  /** Tries of a transaction that another one made impossible. */
  maxTries: 5,
  /** Longest pause before the second try, ms; it doubles from try to try. */
  firstPauseMs: 20,
} as const;
