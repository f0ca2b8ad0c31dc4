// Named limits of what processes tell each other about events, each with its unit and reason.
export const pollLimits = {
  /** Time between two looks for events of processes that are not heard, ms. */
  pollMs: 1_000,
  /** The same while they are heard, ms: a wake-up that got lost is rare, and so may be what finds it. */
  seldomMs: 10_000,
  /** Plans that one statement looks at. */
  plans: 500,
} as const;

export const liveShareLimits = {
  /** Time between two words that a plan has readers, ms: a worker that starts hears of them soon. */
  watchMs: 5_000,
  /** Time after the last such word in which text is still sent, ms: two of them may get lost. */
  watchedMs: 12_000,
  /** Text of this time travels together, ms: a person sees it as it comes, and the database is asked seldom. */
  flushMs: 50,
  /** Characters of one piece: as JSON it is at most six bytes for each, and a notification takes 7,000. */
  pieceChars: 1_000,
  /** Pieces of one sending, the newest: a command that prints without end must not fill the database's queue. */
  maxPieces: 16,
} as const;
