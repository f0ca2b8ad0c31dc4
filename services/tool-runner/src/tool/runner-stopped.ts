// Why a call is cut that its caller still wants: the runner stops.
import { AgentError, unreachableReason } from "@ossaat/contracts";

/**
 * Ends a call without an answer, as the death of the runner would: whether it took effect is for the caller to
 * find out, and nothing of it is a result.
 */
export class RunnerStopped extends AgentError {
  constructor() {
    super("unavailable", "The tool runner stopped before the call ended.", { details: { reason: unreachableReason } });
    this.name = "RunnerStopped";
  }
}
