// Named limits of a running step, and of what is removed after its plan.
export const stepLimits = {
  /** Model turns of one step. */
  maxTurns: 60,
  /** Tool calls of one step. */
  maxToolCalls: 200,
  /** Tool calls taken from one model turn; more are refused with a message. */
  maxCallsPerTurn: 16,
  /** Equal rounds of calls with equal results in a row before the model is told. */
  loopWarnAt: 3,
  /** … and before the step ends. */
  loopEndAt: 5,
  /** Calls of the longest round that counts as a loop. */
  maxLoopPeriod: 4,
  /** Failures in a row of one tool with one message, whatever its arguments, before the model is told. */
  sameFailureWarnAt: 4,
  /** … and before the step ends. */
  sameFailureEndAt: 8,
  /** Answers in a row that were cut before they called a tool; each may cost a whole answer. */
  maxCutInARow: 5,
  /** Finishes that fail their check before the step ends failed. */
  maxRejections: 3,
  /** Characters of a refused result's reason that the step's end repeats. */
  maxReasonChars: 600,
  /** Paths outside the approved ones that one message names. */
  maxNamedPaths: 50,
  /** Invalid plans that are sent back to the planner. */
  maxPlanRepairs: 2,
  /** Tokens of one answer that are asked for. */
  maxOutputTokens: 16_000,
  /** Characters per token, for reservations only. */
  charsPerToken: 3.5,
  /** Context window of a model that states none, tokens: what current hosted models hold at least. */
  assumedContextTokens: 128_000,
  /** Characters per token when a window is filled: fewer than for reservations, since code is dense. */
  windowCharsPerToken: 3,
  /** Share of a window's room that a conversation may fill before older turns are compacted. */
  compactAt: 0.85,
  /** Share of the room that the newest turns keep after a compaction. */
  compactKeep: 0.4,
  /** Characters of a digest. */
  maxDigestChars: 24_000,
  /** Characters of one failure that a digest quotes. */
  maxDigestFailureChars: 3_000,
  /** Failures that a digest quotes, the newest. */
  maxDigestFailures: 3,
  /** Wall time of a step without its own time limit, seconds. */
  defaultTimeoutSeconds: 1_800,
  /** Characters of retrieved code in a step's first message. */
  maxContextChars: 24_000,
} as const;

export const clearLimits = {
  /** Longest wait for the removal of one plan's working trees, ms: a large tree takes seconds, a runner may hang. */
  removeMs: 60_000,
  /** Time between two looks for working trees that are old enough to go, ms. */
  retentionPauseMs: 60 * 60 * 1_000,
  /** Plans that one statement names: SQLite takes 32,766 values. */
  plansAStatement: 1_000,
} as const;
