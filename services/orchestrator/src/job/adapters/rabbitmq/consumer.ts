// Takes messages of one pool on a channel of its own, never more than there are free slots.
import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import { setTimeout as sleep } from "node:timers/promises";

import type { JobEnvelope } from "@ossaat/contracts";

import { readEnvelope } from "../../envelope-text.ts";
import type { Delivery, Settlement, Subscription } from "../../job-queue.ts";
import { closeChannel, jobsQueue } from "./broker.ts";
import type { Broker } from "./broker.ts";
import { rabbitmqLimits } from "./limits.ts";

export type ConsumerDeps = {
  broker: Broker;
  pool: string;
  slots: number;
  handler: (delivery: Delivery) => Promise<void>;
  /** Sends a message to the dead letters; false when it did not get there. */
  bury(message: ConsumeMessage, reason: string): Promise<boolean>;
  /** Gives the connection up. */
  reset(): void;
};

/** A message in our hands, bound to the channel that brought it: its tag means nothing on another. */
type Held = { channel: Channel; message: ConsumeMessage; settled: boolean; isRetry?: boolean };

export class PoolConsumer implements Subscription {
  readonly #deps: ConsumerDeps;
  readonly #handlers = new Set<Promise<void>>();
  /** Messages that wait here for their next try, and what wakes them early. */
  readonly #waiting = new Set<AbortController>();
  /** Messages of this connection that are being handled: those of an earlier one hold no slot. */
  readonly #busy = new Set<Held>();
  /** Messages whose turn it is as soon as a slot is free. */
  #due: Held[] = [];
  #model: ChannelModel | undefined;
  #channel: Channel | undefined;
  #tag: string | undefined;
  #slots: number;
  #prefetch = 0;
  #paused = false;
  /** While it is set, a pause is young: what comes in it waits here for its end. */
  #parking: NodeJS.Timeout | undefined;
  #closed = false;
  #failures = 0;

  constructor(deps: ConsumerDeps) {
    this.#deps = deps;
    this.#slots = deps.slots;
  }

  get pool(): string {
    return this.#deps.pool;
  }

  /** Begins to take on a new connection. */
  async attach(model: ChannelModel): Promise<void> {
    if (this.#closed || this.#model === model) return;
    this.#model = model;
    const channel = await model.createChannel();
    channel.on("error", (error) => this.#deps.broker.onError(error));
    channel.on("close", () => {
      if (this.#channel === channel && !this.#closed) this.#deps.reset();
    });
    this.#channel = channel;
    this.#tag = undefined;
    this.#consume();
  }

  /** The connection is gone: the broker gives to somebody what was not settled. */
  detach(): void {
    this.#model = undefined;
    this.#channel = undefined;
    this.#tag = undefined;
    this.#due = [];
    this.#busy.clear();
    for (const waiting of this.#waiting) waiting.abort();
  }

  /**
   * NOTE: each giving back counts as a delivery. So what waits for its next try stays here, because of an
   * outage of the store; and what was on its way stays for a moment, because a worker pauses for each claim
   * that fills it, and has room again as soon as a short step ends.
   */
  pause(): void {
    if (!this.#paused) this.#parking = setTimeout(() => this.#endParking(), rabbitmqLimits.parkMs);
    this.#paused = true;
    void this.#cancel();
  }

  #endParking(): void {
    clearTimeout(this.#parking);
    this.#parking = undefined;
    const parked = this.#due.filter(({ isRetry }) => isRetry !== true);
    this.#due = this.#due.filter(({ isRetry }) => isRetry === true);
    for (const held of parked) this.#giveBack(held);
  }

  resume(slots: number = this.#deps.slots): void {
    if (this.#closed) return;
    const isEnough = slots <= this.#prefetch && this.#tag !== undefined;
    this.#slots = slots;
    if (slots <= 0) return this.pause();
    this.#paused = false;
    clearTimeout(this.#parking);
    this.#parking = undefined;
    // NOTE: fewer slots need no new consumer: whatever comes too much is given back.
    if (!isEnough) {
      void this.#cancel();
      this.#consume();
    }
    this.#begin();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#paused = true;
    // NOTE: waited for, because a channel that is closed answers nothing that was asked before.
    const cancelled = this.#cancel();
    this.#closed = true;
    this.#endParking();
    for (const waiting of this.#waiting) waiting.abort();
    for (const held of this.#due.splice(0)) this.#giveBack(held);
    await Promise.all([cancelled, ...this.#handlers]);
    const channel = this.#channel;
    this.#channel = undefined;
    if (channel !== undefined) await closeChannel(channel);
  }

  #consume(): void {
    const channel = this.#channel;
    if (channel === undefined || this.#paused || this.#closed || this.#tag !== undefined) return;
    // A new consumer may hold as many as it has slots, whatever the ones before it still hold.
    if (this.#waiting.size + this.#due.length >= rabbitmqLimits.maxWaiting) return;
    const { broker, pool } = this.#deps;
    // A tag of our own can be cancelled before the broker has answered.
    const consumerTag = broker.ids.short();
    this.#tag = consumerTag;
    this.#prefetch = this.#slots;
    const begun = channel.prefetch(this.#slots).then(() => undefined);
    const onMessage = (message: ConsumeMessage | null) => {
      if (message === null) this.#deps.reset();
      else this.#receive({ channel, message, settled: false });
    };
    const consuming = channel.consume(jobsQueue(broker, pool), onMessage, { consumerTag });
    Promise.all([begun, consuming]).catch((error: unknown) => broker.onError(error));
  }

  /** Goes to the broker ahead of what is settled afterwards, so that nothing new follows it. */
  async #cancel(): Promise<void> {
    const tag = this.#tag;
    this.#tag = undefined;
    if (tag === undefined) return;
    try {
      await this.#channel?.cancel(tag);
    } catch (error) {
      this.#deps.broker.onError(error);
    }
  }

  #receive(held: Held): void {
    const isLate = this.#paused && this.#parking === undefined && held.isRetry !== true;
    if (this.#closed || isLate) return this.#giveBack(held);
    this.#due.push(held);
    this.#begin();
  }

  #begin(): void {
    while (!this.#paused && !this.#closed && this.#busy.size < this.#slots) {
      const held = this.#due.shift();
      if (held === undefined) return;
      this.#start(held);
    }
  }

  #start(held: Held): void {
    let envelope: JobEnvelope;
    try {
      envelope = readEnvelope(held.message.content.toString());
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return this.#track(held, this.#settle(held, "reject", reason));
    }
    this.#track(held, this.#handle(held, envelope));
  }

  #track(held: Held, work: Promise<void>): void {
    this.#busy.add(held);
    const tracked = work
      .catch((error: unknown) => this.#deps.broker.onError(error))
      .finally(() => {
        this.#handlers.delete(tracked);
        this.#busy.delete(held);
        this.#begin();
      });
    this.#handlers.add(tracked);
  }

  async #handle(held: Held, envelope: JobEnvelope): Promise<void> {
    let settling: Promise<void> | undefined;
    const settle = (result: Settlement, reason?: string) =>
      (settling ??= this.#settle(held, result, reason ?? "the receiver rejected it"));
    try {
      await this.#deps.handler({ envelope, settle });
    } catch (error) {
      this.#deps.broker.onError(error);
      await settle("retry_soon");
    }
  }

  async #settle(held: Held, result: Settlement, reason: string): Promise<void> {
    if (held.settled) return;
    held.settled = true;
    // Of a connection that is gone: the message comes again, and whoever gets it then decides.
    if (held.channel !== this.#channel) return;
    if (result === "retry_soon") return this.#retrySoon(held);
    if (
      result === "reject" &&
      !(await this.#deps.bury(held.message, reason.slice(0, rabbitmqLimits.maxReasonLength)))
    ) {
      return this.#retrySoon(held);
    }
    this.#failures = 0;
    this.#attempt(() => held.channel.ack(held.message));
  }

  /**
   * Keeps the message for a pause and tries again here: giving it back would count as a delivery,
   * and an outage of the store would make dead letters of what is sound.
   */
  #retrySoon(held: Held): void {
    const { minRetryMs } = this.#deps.broker.tuning;
    const pauseMs = Math.min(rabbitmqLimits.maxRetryMs, minRetryMs * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    if (this.#closed) return this.#giveBack(held);
    const waiting = new AbortController();
    this.#waiting.add(waiting);
    void this.#tryAgain(held, { pauseMs, waiting });
  }

  async #tryAgain(held: Held, { pauseMs, waiting }: { pauseMs: number; waiting: AbortController }): Promise<void> {
    await sleep(pauseMs, undefined, { signal: waiting.signal }).catch(() => undefined);
    this.#waiting.delete(waiting);
    if (held.channel !== this.#channel) return;
    this.#receive({ ...held, settled: false, isRetry: true });
    this.#consume();
  }

  #giveBack({ channel, message }: Held): void {
    if (channel === this.#channel) this.#attempt(() => channel.nack(message, false, true));
  }

  /** A channel that closed a moment ago throws; what was settled on it comes again. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#deps.broker.onError(error);
    }
  }
}
