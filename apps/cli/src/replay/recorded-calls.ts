// What a replay does with calls that reach outside of their box or may have their effect only
// once: it repeats none of them. The recorded run's result answers, if it is of the very same call.
import { hashJson } from "@ossaat/contracts";
import type { EventData, ToolEvent, ToolInvocation, ToolOutput, ToolService } from "@ossaat/contracts";
import { reachesNetwork } from "@ossaat/policy";

export type RecordedCall = {
  /** Of tool and arguments, as the log has it. */
  argsHash: string;
  finished?: EventData<"tool.finished"> | undefined;
  /** The whole result, from where the run keeps it. */
  readOutput(): Promise<ToolOutput>;
};

/** Calls of a run, by step and by id of the call. */
export type RecordedSteps = ReadonlyMap<string, { calls: ReadonlyMap<string, RecordedCall> }>;

/** Summary of a call that was answered from the record; by it the replay's log tells it from others. */
export const notRepeated = "not repeated: it reaches outside";

/** Tools that start programs. The others act on the replay's own working tree, which goes with it. */
const programTools: readonly string[] = ["run_command", "run_tests"];

/** Whether repeating a call could be felt outside of the replay. */
export function isFeltOutside({ tool, inputJson, envelope }: ToolInvocation): boolean {
  if (!programTools.includes(tool)) return false;
  const input: unknown = JSON.parse(inputJson);
  return envelope.effect === "once" || envelope.secrets.length > 0 || reachesNetwork({ tool, input }, envelope);
}

function callIdOf({ invocationId, planId, stepId, attempt }: ToolInvocation): string {
  return invocationId.slice(`${planId}:${stepId}:${attempt}:`.length);
}

const occurredAt = () => new Date().toISOString();

async function answerFrom(steps: RecordedSteps, invocation: ToolInvocation): Promise<ToolEvent> {
  const { stepId, tool, inputJson } = invocation;
  const recorded = steps.get(stepId)?.calls.get(callIdOf(invocation));
  const refuse = (summary: string, message: string): ToolEvent => ({
    seq: 1,
    state: "failed",
    occurredAt: occurredAt(),
    summary,
    error: { code: "tool_failed", message, details: { retryable: false } },
  });
  if (recorded?.finished === undefined || recorded.argsHash !== hashJson({ tool, inputJson })) {
    const text = "This call reaches outside of the replay, and the recorded run has no result of it.";
    return refuse("not repeated: no result is recorded", text);
  }
  // What the network was asked for was asked in the recorded run.
  const { egress_requests: _requests, ...output } = await recorded.readOutput();
  if (recorded.finished.state !== "completed") return refuse(notRepeated, output.text);
  return { seq: 1, state: "completed", occurredAt: occurredAt(), summary: notRepeated, output };
}

/**
 * The tools of a replay: nothing they do is felt outside of it.
 * @param steps those of the recording whose plan runs now
 */
export function withoutReach(inner: ToolService, steps: () => RecordedSteps): ToolService {
  async function* answer(invocation: ToolInvocation): AsyncGenerator<ToolEvent> {
    yield await answerFrom(steps(), invocation);
  }
  return {
    execute: (invocation, options) =>
      isFeltOutside(invocation) ? answer(invocation) : inner.execute(invocation, options),
    cancel: (invocationId) => inner.cancel(invocationId),
    health: () => inner.health(),
  };
}
