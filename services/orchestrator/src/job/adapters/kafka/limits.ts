// Named limits of the queue on Kafka, each with its unit and reason.
export const kafkaLimits = {
  /** Time a connection may take, ms: a broker of the same network answers in a few. */
  connectMs: 1_000,
  /** Time an answer may take, ms: after it a connection counts as half open and is made anew. */
  requestMs: 5_000,
  /** First pause before the client tries the same request again, ms. */
  firstRetryMs: 100,
  /** Longest pause between two tries of one request, ms. */
  maxRetryMs: 1_000,
  /** Tries of one request before it has failed, about 6 s: the restart of a broker is shorter, a relay's patience not. */
  retries: 8,
  /** A member that was not heard of for so long is out of its group, ms. Work is leased in the database, so this may be short. */
  sessionMs: 10_000,
  /** A third of the session and less, so that two heartbeats may be lost, ms. */
  heartbeatMs: 3_000,
  /** Time all members have to join again, ms. */
  rebalanceMs: 30_000,
  /** A consumer that neither fetched nor joined for so long is built anew, ms: the client can get stuck without a word. */
  silentMs: 30_000,
  /** A fetch without records ends after so long, ms; also how late a resumed or closed consumer may notice it. */
  fetchWaitMs: 250,
  /** Bytes of one fetch, and so of the records held beyond `heldRecords`. */
  fetchBytes: 1024 * 1024,
  /** Bytes of one partition in a fetch. */
  fetchPartitionBytes: 256 * 1024,
  /** Records held in memory, waiting or running, before a subscription stops fetching; it goes on below half of it. */
  heldRecords: 1_000,
  /** Time a full subscription lets the fetch wait for room before it stops fetching, ms: a stop costs a whole `fetchWaitMs`. */
  roomMs: 50,
  /** Marks are committed this often, ms: what a crash repeats at most, by time. */
  commitMs: 1_000,
  /** Settled records after which marks are committed without waiting: what a crash repeats at most, by count. */
  commitRecords: 100,
  /** First pause before a record that was given back is delivered again, ms; it doubles. */
  retrySoonMs: 1_000,
  /** Longest pause before a record is delivered again, ms. */
  maxRetrySoonMs: 30_000,
  /**
   * A record that waits for a slot of this process so long is passed on to others, ms; it doubles each time,
   * because all may be full.
   */
  passOnMs: 1_000,
  /** Longest wait before a record is passed on, ms. */
  maxPassOnMs: 30_000,
  /** A record whose handler ended without a settlement is delivered again after so long, ms. */
  unsettledMs: 5_000,
  /**
   * Deliveries of one record to this process without a settlement before it is a dead letter. Kafka
   * counts none, so that a process that dies begins anew; then the leases of its step are counted.
   */
  maxDeliveries: 20,
  /** Bytes of values in one request: below the smallest usual `message.max.bytes` of a broker, 1 MB. */
  sendBytes: 512 * 1024,
  /** First pause before a consumer that crashed is built anew, ms; it doubles, with full jitter. */
  firstRebuildMs: 200,
  /** Longest pause before a consumer is built anew, ms. */
  maxRebuildMs: 5_000,
  /** Dead letters that are known at most, by their ids: the oldest. */
  deadLetters: 100_000,
  /** Bytes of dead letters that are listed at once: others may put anything into a topic. */
  listedBytes: 16 * 1024 * 1024,
  /**
   * Time a look at a topic of dead letters may take, ms: its reader must join first, and a gateway gives an answer
   * up that has not begun after 30 s.
   */
  readMs: 20_000,
  /** Time the last commit and the leave of a consumer that is closed may take each, ms. */
  leaveMs: 5_000,
  /** Time an answer about topics, marks or health may take with all tries, ms. */
  askMs: 10_000,
  /** Pause between two tries of such a question, ms. */
  askPauseMs: 250,
  /** Tries of one of its requests by the client. */
  askRetries: 2,
  /** Time an answer about health may take, ms: who asks has a deadline of its own. */
  healthMs: 3_000,
} as const;

export type KafkaLimits = { [Name in keyof typeof kafkaLimits]: number };
