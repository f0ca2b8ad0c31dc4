// An expected bad end of a step, carried out of the code that found it.
import type { Failure } from "../job/end-step.ts";

export class StepFailed extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.name = "StepFailed";
    this.failure = failure;
  }
}

/** A failure that trying again cannot mend. */
export function finalFailure(reason: Failure["reason"], message: string, code = "tool_failed"): StepFailed {
  return new StepFailed({ reason, code, message, retryable: false });
}
