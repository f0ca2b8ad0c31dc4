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
  /** Dead letters that are looked through for one. */
  maxDeadLetters: 10_000,
  /** Characters of a reason: it travels in a header. */
  maxReasonLength: 512,
} as const;

/** What a test may make smaller. */
export type RabbitmqTuning = Pick<
  { readonly [K in keyof typeof rabbitmqLimits]: number },
  "deliveryLimit" | "maxReconnectMs" | "heartbeatSeconds" | "confirmMs" | "minRetryMs" | "waitForConnectionMs"
>;
