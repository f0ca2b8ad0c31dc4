// Named limits of a running step.
export const stepLimits = {
  /** Model turns of one step. */
  maxTurns: 60,
  /** Tool calls of one step. */
  maxToolCalls: 200,
  /** Tool calls taken from one model turn; more are refused with a message. */
  maxCallsPerTurn: 16,
  /** Equal calls with equal results in a row before the model is told. */
  loopWarnAt: 3,
  /** … and before the step ends. */
  loopEndAt: 5,
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
  /** Characters of a conversation; beyond it the step ends with a clear reason. */
  maxTranscriptChars: 1_200_000,
  /** Wall time of a step without its own time limit, seconds. */
  defaultTimeoutSeconds: 1_800,
  /** Characters of retrieved code in a step's first message. */
  maxContextChars: 24_000,
} as const;
