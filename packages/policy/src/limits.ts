/** Bounds of one decision. */
export const policyLimits = {
  /**
   * Bytes of one input as JSON. The rules hold no loop but over their input, so this bounds the time
   * as well: some 35 microseconds for an ordinary call, some 20 milliseconds at this size.
   */
  maxInputBytes: 256 * 1024,
  /** WebAssembly pages of 64 KiB: 32 MiB, more than the largest input needs. */
  maxPages: 512,
  /** Pages at the start. */
  initialPages: 5,
  /** Words of one command, scripts in it included, that are compared with rules; every rule meets a longer one. */
  maxCommandWords: 4_096,
  /** Time candidate rules have for all their evaluations, ms; a request waits 60 s. */
  candidateMs: 30_000,
  /** Heap of the thread that evaluates candidate rules, MiB. */
  candidateHeapMb: 512,
} as const;
