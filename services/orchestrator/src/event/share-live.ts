// Carries live text from the process that runs a step to those that have readers of its plan. Nothing is
// carried while nobody reads, and what does not fit or gets lost is not state.
import { LiveEvent } from "@ossaat/contracts";

import type { Wakes } from "../store/store.ts";
import type { EventBus } from "./event-bus.ts";
import { liveShareLimits as limits } from "./limits.ts";

/** Begins the topic by which a process says that it has readers of a plan. */
const watchTopic = "watch/";

/** Begins the topic that carries text. */
const liveTopic = "live/";

/** What makes two pieces of text one. */
function keyOf(event: LiveEvent): string {
  return JSON.stringify({ ...event, text: "" });
}

const maxChars = limits.maxPieces * limits.pieceChars;

/** Pieces that each fit into a topic. */
function piecesOf(event: LiveEvent): LiveEvent[] {
  const { pieceChars } = limits;
  const { text } = event;
  const count = Math.ceil(text.length / pieceChars);
  return Array.from({ length: count }, (_, n) => ({
    ...event,
    text: text.slice(n * pieceChars, (n + 1) * pieceChars),
  }));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Plans that this process has readers of; the others are told at once, and again and again. */
class Watching {
  readonly #wakes: Wakes;
  readonly #readers = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(wakes: Wakes) {
    this.#wakes = wakes;
  }

  /** @returns how to leave */
  enter(planId: string): () => void {
    this.#readers.set(planId, (this.#readers.get(planId) ?? 0) + 1);
    this.#say(planId);
    this.#timer ??= setInterval(() => this.#sayAll(), limits.watchMs).unref();
    return () => this.#leave(planId);
  }

  #leave(planId: string): void {
    const left = (this.#readers.get(planId) ?? 1) - 1;
    if (left > 0) this.#readers.set(planId, left);
    else this.#readers.delete(planId);
    if (this.#readers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #sayAll(): void {
    for (const planId of this.#readers.keys()) this.#say(planId);
  }

  #say(planId: string): void {
    this.#wakes.send(`${watchTopic}${planId}`);
  }
}

export class LiveShare {
  readonly #wakes: Wakes;
  readonly #bus: EventBus;
  readonly #watching: Watching;
  /** When another process last said that it has readers of the plan, ms of `performance.now()`. */
  readonly #watchedAt = new Map<string, number>();
  /** When those were forgotten last that nobody reads any more. */
  #forgotAt = performance.now();
  /** Text that waits for its sending, in the order in which it came. */
  #waiting: LiveEvent[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sent = 0;

  /** `bus` is that of this process alone. */
  constructor(wakes: Wakes, bus: EventBus) {
    this.#wakes = wakes;
    this.#bus = bus;
    this.#watching = new Watching(wakes);
  }

  /** Listens as the process's own bus does, and lets the others know. */
  onLive(planId: string, listener: (event: LiveEvent) => void): () => void {
    const off = this.#bus.onLive(planId, listener);
    const leave = this.#watching.enter(planId);
    return () => {
      off();
      leave();
    };
  }

  /** Tells the readers here, and those elsewhere if there are any. */
  live(event: LiveEvent): void {
    this.#bus.live(event);
    if (!this.#isWatched(event.planId)) return;
    const last = this.#waiting.at(-1);
    if (last !== undefined && keyOf(last) === keyOf(event)) last.text = (last.text + event.text).slice(-maxChars);
    else this.#waiting.push({ ...event, text: event.text.slice(-maxChars) });
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#flush(), limits.flushMs).unref();
  }

  /** @returns whether the topic was one of these */
  hear(topic: string): boolean {
    if (topic.startsWith(watchTopic)) {
      this.#forgetOld();
      this.#watchedAt.set(topic.slice(watchTopic.length), performance.now());
      return true;
    }
    if (!topic.startsWith(liveTopic)) return false;
    // A process of another version may say it in another way.
    const { data: event } = LiveEvent.safeParse(parseJson(topic.slice(topic.indexOf("{"))));
    if (event !== undefined) this.#bus.live(event);
    return true;
  }

  /** How many plans are known to be read elsewhere, or were a moment ago. */
  get watchedPlans(): number {
    return this.#watchedAt.size;
  }

  #forgetOld(): void {
    const now = performance.now();
    if (now - this.#forgotAt < limits.watchedMs) return;
    this.#forgotAt = now;
    for (const [planId, at] of this.#watchedAt) if (now - at >= limits.watchedMs) this.#watchedAt.delete(planId);
  }

  #isWatched(planId: string): boolean {
    const at = this.#watchedAt.get(planId);
    if (at === undefined) return false;
    if (performance.now() - at < limits.watchedMs) return true;
    this.#watchedAt.delete(planId);
    return false;
  }

  #flush(): void {
    const events = this.#waiting;
    this.#waiting = [];
    this.#timer = undefined;
    for (const event of events.flatMap(piecesOf).slice(-limits.maxPieces)) {
      // The number sets apart pieces that say the same: a topic is sent once in a burst.
      this.#wakes.send(`${liveTopic}${this.#sent++}/${JSON.stringify(event)}`);
    }
  }
}
