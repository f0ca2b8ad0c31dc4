// The one place where timers, cancellation and the stream rules are enforced, so that no
// vendor's adapter has to be trusted with them.
import { providerLimits, timeoutDefaults } from "./limits.ts";
import { ProviderError } from "./provider-error.ts";
import type { TimeoutPhase } from "./provider-error.ts";
import type { ModelProvider, ModelRequest, StreamEvent, Timeouts } from "./spec.ts";

type Interrupt = { interrupt: TimeoutPhase | "cancelled" };
type Outcome = IteratorResult<StreamEvent> | Interrupt;

const timeoutTexts: Readonly<Record<TimeoutPhase, string>> = {
  connect: "did not answer",
  firstToken: "accepted the request but sent no answer",
  idle: "stopped in the middle of an answer",
  progress: "sent signs of life but no more of its answer",
  total: "took too long for one answer",
};

/** Timers of one call: one for the whole, one for the phase it is in, one for the growth of the answer. */
class CallTimers {
  readonly #limits: Required<Timeouts>;
  readonly #onTimeout: (phase: TimeoutPhase) => void;
  readonly #total: NodeJS.Timeout;
  #phase: NodeJS.Timeout;
  #progress: NodeJS.Timeout | undefined;
  #hasToken = false;

  constructor(limits: Required<Timeouts>, onTimeout: (phase: TimeoutPhase) => void) {
    this.#limits = limits;
    this.#onTimeout = onTimeout;
    this.#total = setTimeout(onTimeout, limits.totalMs, "total");
    this.#phase = setTimeout(onTimeout, limits.connectMs, "connect");
  }

  get hasToken(): boolean {
    return this.#hasToken;
  }

  see(event: StreamEvent): void {
    if (event.type === "start") {
      this.#restart("firstToken", this.#limits.firstTokenMs);
    } else if ("blockId" in event && !this.#hasToken) {
      this.#hasToken = true;
      this.#restart("idle", this.#limits.idleMs);
      this.#progress = setTimeout(this.#onTimeout, this.#limits.progressMs, "progress");
    } else if (this.#hasToken) {
      this.#phase.refresh();
      if ("blockId" in event) this.#progress?.refresh();
    }
  }

  stop(): void {
    clearTimeout(this.#total);
    clearTimeout(this.#phase);
    clearTimeout(this.#progress);
  }

  #restart(phase: TimeoutPhase, milliseconds: number): void {
    clearTimeout(this.#phase);
    this.#phase = setTimeout(this.#onTimeout, milliseconds, phase);
  }
}

/** The first of: the next event, a timer, the caller's abort. */
class EventRace {
  readonly #iterator: AsyncIterator<StreamEvent>;
  #pending: Interrupt | undefined;
  #settle: ((outcome: Outcome) => void) | undefined;

  constructor(iterator: AsyncIterator<StreamEvent>) {
    this.#iterator = iterator;
  }

  interrupt(reason: Interrupt["interrupt"]): void {
    this.#pending ??= { interrupt: reason };
    this.#settle?.(this.#pending);
  }

  next(): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      if (this.#pending !== undefined) {
        resolve(this.#pending);
        return;
      }
      this.#settle = resolve;
      this.#iterator.next().then(resolve, reject);
    });
  }

  /** Tells the source to stop; not awaited, because a hung source may never answer. */
  close(): void {
    void Promise.allSettled([this.#iterator.return?.()]);
  }
}

function interruptError(provider: string, reason: Interrupt["interrupt"]): ProviderError {
  if (reason === "cancelled") return new ProviderError("cancelled", "The model call was cancelled.", { provider });
  return new ProviderError("timeout", `The model provider ${provider} ${timeoutTexts[reason]} in time.`, {
    provider,
    timeout: reason,
  });
}

/** A server that ignores the limit it was asked to keep would fill memory and disk. */
function endlessError(provider: string): ProviderError {
  const message = `The model provider ${provider} sent more than ${providerLimits.maxAnswerChars} characters in one answer.`;
  return new ProviderError("protocol", message, { provider, retryable: false });
}

function thrownError(provider: string, thrown: unknown): ProviderError {
  if (thrown instanceof ProviderError) return thrown;
  return new ProviderError("protocol", `The model provider ${provider} failed in an unexpected way.`, {
    provider,
    retryable: false,
    cause: thrown,
  });
}

async function* guardStream(provider: ModelProvider, request: ModelRequest): AsyncGenerator<StreamEvent> {
  const abort = new AbortController();
  const race = new EventRace(provider.stream({ ...request, signal: abort.signal })[Symbol.asyncIterator]());
  const cancel = () => race.interrupt("cancelled");
  const timers = new CallTimers({ ...timeoutDefaults, ...request.timeouts }, (phase) => race.interrupt(phase));
  const failed = (error: ProviderError): StreamEvent => ({
    type: "error",
    error: timers.hasToken && error.phase === "beforeFirstToken" ? error.afterFirstToken() : error,
  });
  request.signal?.addEventListener("abort", cancel);
  if (request.signal?.aborted === true) cancel();
  let chars = 0;
  try {
    for (;;) {
      const outcome = await race.next();
      if ("interrupt" in outcome) {
        yield failed(interruptError(provider.id, outcome.interrupt));
        return;
      }
      if (outcome.done === true) {
        const message = `The connection to ${provider.id} ended before the answer was complete.`;
        yield failed(new ProviderError("network", message, { provider: provider.id }));
        return;
      }
      const event = outcome.value;
      timers.see(event);
      if (event.type === "error") {
        yield failed(event.error);
        return;
      }
      if (event.type === "blockDelta") chars += event.text.length;
      if (chars > providerLimits.maxAnswerChars) {
        yield failed(endlessError(provider.id));
        return;
      }
      yield event;
      if (event.type === "finish") {
        await race.next();
        return;
      }
    }
  } catch (thrown) {
    yield failed(thrownError(provider.id, thrown));
  } finally {
    timers.stop();
    request.signal?.removeEventListener("abort", cancel);
    abort.abort();
    race.close();
  }
}

/**
 * Wraps a provider so that every call ends: by its answer, by a timer (connect, first token,
 * idle, total) or by the caller's abort; and so that its stream has exactly one terminal event.
 * Errors are marked with the phase they happened in.
 */
export function withTimeouts(provider: ModelProvider): ModelProvider {
  return {
    id: provider.id,
    stream: (request) => guardStream(provider, request),
    capabilities: (modelId) => provider.capabilities(modelId),
  };
}
