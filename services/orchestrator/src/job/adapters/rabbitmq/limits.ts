// Named limits of the RabbitMQ adapter, each with its unit and reason.
export const rabbitmqLimits = {
  /** Shortest and longest pause before a new connection, ms: soon after a blink, gentle in an outage. */
  minReconnectMs: 200,
  maxReconnectMs: 30_000,
  /** Heartbeat, s: a connection that is cut without a word is noticed after about two of them. */
  heartbeatSeconds: 20,
  /** Time one attempt to connect may take, ms. */
  connectMs: 10_000,
  /** Time an orderly end of a connection may take, ms. */
  closeMs: 1_000,
  /** Time a call waits for a connection before it fails, ms. */
  waitForConnectionMs: 10_000,
  /** Time a message may stay unconfirmed, ms; then its fate is unknown and the connection is given up. */
  confirmMs: 10_000,
  /** Deliveries of a message that never ended, before it is a dead letter: it may be what ends its receivers. */
  deliveryLimit: 20,
  /** First and longest pause after `retry_soon`, ms. */
  minRetryMs: 1_000,
  maxRetryMs: 30_000,
  /** Time a message that came just when the worker was full waits here for room, ms: the end of a short step. */
  parkMs: 250,
  /** Messages of a pool that wait here for their next try before no more are taken. */
  maxWaiting: 64,
  /** Time an answer about a queue may take, ms: who asks for figures waits no longer. */
  askMs: 5_000,
  /** Pause before a queue that is in the way is looked at again, ms: a person takes it away. */
  conflictRetryMs: 10_000,
  /** Dead letters that one look goes through; it reads them in pages. */
  maxDeadLetters: 10_000,
  /** Dead letters that are asked for at once: the first time, then at most. */
  firstPage: 8,
  lookPage: 200,
  /** Bytes that are asked for at once, by the letters seen so far. */
  pageBytes: 8 * 1024 * 1024,
  /** Bytes of dead letters that one look goes through: others may put anything there. */
  maxLookedBytes: 64 * 1024 * 1024,
  /** Bytes of dead letters that are listed at once. */
  maxListedBytes: 16 * 1024 * 1024,
  /** Time a look begins new pages, ms: others wait for its end. */
  lookMs: 10_000,
  /** Time a page may take to arrive, ms: somebody may have emptied the queue. */
  pageMs: 2_000,
  /** Time until what was looked at counts as being there again, ms. */
  returnMs: 2_000,
  /** Time a look waits for the end of one of another process, ms: longer than most take. */
  lookTurnMs: 20_000,
  /** Time from then on until a look that was given none is over, ms: as long as it may wait and look. */
  wholeLookMs: 30_000,
  /** The same for a count: it then tells the last one. */
  countTurnMs: 1_000,
  /** Settlements said to a quorum queue before a look pauses: half of those that a channel does not keep back. */
  settledAtOnce: 16,
  /** Pause before it is tried again whose turn it is, or whether all is back, ms. */
  lookPauseMs: 100,
  /** Time for which the letters by tenant are remembered while their number stays the same, ms. */
  tallyMs: 5_000,
  /** Deliveries of a message that a queue allows unless it says otherwise, since 4.0. */
  defaultDeliveryLimit: 20,
  /** Characters of a reason: it travels in a header. */
  maxReasonLength: 512,
} as const;

/** What a test may make smaller. */
export type RabbitmqTuning = Pick<
  { readonly [K in keyof typeof rabbitmqLimits]: number },
  | "deliveryLimit"
  | "maxReconnectMs"
  | "heartbeatSeconds"
  | "confirmMs"
  | "minRetryMs"
  | "waitForConnectionMs"
  | "conflictRetryMs"
>;
