// Reads a plan's event stream and resumes it where it broke, until the plan ends.
import { AgentError, parseEvent } from "@ossaat/contracts";
import type { LiveEvent, PlanEvent } from "@ossaat/contracts";
import { EventSourceParserStream } from "eventsource-parser/stream";

import type { ClientAnswer } from "./create-client.ts";

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
  /** Silence after which a stream counts as broken, ms: three of the server's heartbeats. */
  silenceMs: 45_000,
  /** Failed tries in a row after which the stream ends with the error. */
  maxFailures: 20,
} as const;

export type OpenStream = (lastSeq: number, signal: AbortSignal) => Promise<ClientAnswer>;

const ends = new Set(["plan.finished", "plan.rejected"]);

async function* readResponse(response: ClientAnswer, touch: () => void): AsyncGenerator<StreamItem> {
  if (response.body === null) {
    throw new AgentError("unavailable", "The server sent no stream.", { details: { next: "ossaat status" } });
  }
  const heard = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(chunk, controller) {
      touch();
      controller.enqueue(chunk);
    },
  });
  const frames = response.body
    .pipeThrough(heard)
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream());
  for await (const frame of frames) {
    yield toItem(frame.id, frame.data);
  }
}

/** @throws AgentError internal for what is no event: asking again would bring the same */
function toItem(id: string | undefined, data: string): StreamItem {
  try {
    const value: unknown = JSON.parse(data);
    return id === undefined ? { kind: "live", event: value as LiveEvent } : { kind: "state", event: parseEvent(value) };
  } catch (error) {
    throw new AgentError("internal", "The server sent an event that this version cannot read.", {
      details: { next: "`ossaat status` shows the version of the server: use the same" },
      cause: error,
    });
  }
}

/** Aborts when the other side has been silent for longer than its heartbeats allow. */
function watchSilence(): { signal: AbortSignal; touch: () => void; stop: () => void } {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const touch = () => {
    clearTimeout(timer);
    timer = setTimeout(() => controller.abort(new Error("silence")), streamClientLimits.silenceMs);
  };
  touch();
  return { signal: controller.signal, touch, stop: () => clearTimeout(timer) };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
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
    const silence = watchSilence();
    try {
      const response = await open(lastSeq, AbortSignal.any([signal, silence.signal]));
      // NOTE: nothing more will ever come: the plan ended with the event we saw last.
      if (response.status === 204) return;
      for await (const item of readResponse(response, silence.touch)) {
        failures = 0;
        if (item.kind === "state") lastSeq = item.event.seq;
        yield item;
        if (item.kind === "state" && ends.has(item.event.type)) return;
      }
    } catch (thrown) {
      if (signal.aborted) return;
      const error =
        thrown instanceof AgentError
          ? thrown
          : new AgentError("unavailable", "The stream broke.", { details: { next: "ossaat watch" }, cause: thrown });
      const isFinal = !error.isRetryable || error.details["retryable"] === false;
      if (isFinal || failures >= streamClientLimits.maxFailures) throw error;
      yield { kind: "reconnecting", error };
    } finally {
      silence.stop();
    }
    failures += 1;
    await pause(Math.min(streamClientLimits.maxRetryMs, streamClientLimits.retryMs * failures), signal);
  }
}
