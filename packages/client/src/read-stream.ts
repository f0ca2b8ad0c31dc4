// Reads a plan's event stream and resumes it where it broke, until the plan ends.
import { AgentError, parseEvent } from "@ossaat/contracts";
import type { LiveEvent, PlanEvent } from "@ossaat/contracts";
import { EventSourceParserStream } from "eventsource-parser/stream";

/** `state` events are the log; `live` text is not state; `reconnecting` tells of a gap in time. */
export type StreamItem =
  | { kind: "state"; event: PlanEvent }
  | { kind: "live"; event: LiveEvent }
  | { kind: "reconnecting"; error: AgentError };

const streamClientLimits = {
  /** Pause before a broken stream is opened again, ms. */
  retryMs: 500,
  /** Longest pause, ms. */
  maxRetryMs: 5_000,
  /** Failed tries in a row after which the stream ends with the error. */
  maxFailures: 20,
} as const;

export type OpenStream = (lastSeq: number, signal: AbortSignal) => Promise<Response>;

const ends = new Set(["plan.finished", "plan.rejected"]);

async function* readResponse(response: Response): AsyncGenerator<StreamItem> {
  if (response.body === null) throw new AgentError("unavailable", "The server sent no stream.");
  const frames = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const frame of frames) {
    const value: unknown = JSON.parse(frame.data);
    yield frame.id === undefined
      ? { kind: "live", event: value as LiveEvent }
      : { kind: "state", event: parseEvent(value) };
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const stop = () => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener("abort", stop, { once: true });
  });
}

/**
 * Yields events after `afterSeq`; ends with the plan or with the signal.
 * @throws AgentError when the server refuses for good (not found, forbidden …) or stays away
 */
export async function* readStream(
  open: OpenStream,
  { afterSeq, signal }: { afterSeq: number; signal: AbortSignal },
): AsyncGenerator<StreamItem> {
  let lastSeq = afterSeq;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const response = await open(lastSeq, signal);
      // NOTE: nothing more will ever come: the plan ended with the event we saw last.
      if (response.status === 204) return;
      for await (const item of readResponse(response)) {
        failures = 0;
        if (item.kind === "state") lastSeq = item.event.seq;
        yield item;
        if (item.kind === "state" && ends.has(item.event.type)) return;
      }
    } catch (thrown) {
      if (signal.aborted) return;
      const error =
        thrown instanceof AgentError ? thrown : new AgentError("unavailable", "The stream broke.", { cause: thrown });
      if (!error.isRetryable || failures >= streamClientLimits.maxFailures) throw error;
      yield { kind: "reconnecting", error };
    }
    failures += 1;
    await pause(Math.min(streamClientLimits.maxRetryMs, streamClientLimits.retryMs * failures), signal);
  }
}
