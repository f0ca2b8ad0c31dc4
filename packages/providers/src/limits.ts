// Named limits of model calls.

/** Default timers of one call, milliseconds; a request may set its own. */
export const timeoutDefaults = {
  /** A local server may load its model before it sends headers. */
  connectMs: 60_000,
  /** Reasoning models may think for minutes before the first visible block. */
  firstTokenMs: 300_000,
  /** Vendors send pings well inside this. */
  idleMs: 120_000,
  /** Pings say that a connection lives, not that an answer comes: as patient as before the first block. */
  progressMs: 300_000,
  /** A turn longer than this is better cut into steps. */
  totalMs: 900_000,
} as const;

export const providerLimits = {
  /** Milliseconds of the SDKs' own timer: above every timer of ours, so that ours decide. */
  sdkTimeoutMs: 24 * 60 * 60 * 1_000,
  /** Output tokens asked for when a vendor demands a figure and the request has none. */
  defaultMaxOutputTokens: 16_000,
  /** Characters of one answer, thoughts and arguments of tools included: many times what the largest models write. */
  maxAnswerChars: 8 * 1024 * 1024,
  /** Milliseconds: a longer Retry-After is reported as this much. */
  maxRetryAfterMs: 24 * 60 * 60 * 1_000,
  /** Characters of the reason a vendor gives that an error repeats: a sentence or two. */
  maxReasonChars: 200,
  /** Characters that a vendor's text and a key must share to be taken for a part of the key. */
  minKeyPartChars: 6,
  /** Bytes of a scripted model file: it is a test fixture or a demo, not a database. */
  maxScriptBytes: 8 * 1024 * 1024,
} as const;
