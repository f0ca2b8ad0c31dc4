// The member of a pool's group that this process is. Builds its consumer anew whenever the client gives
// up, reads records into the pump, and commits how far all of them are settled.
import { setTimeout as sleep } from "node:timers/promises";

import type { Consumer, EachBatchPayload, Kafka, KafkaMessage } from "kafkajs";

import type { Rng } from "../../../clock.ts";
import { retryOptions } from "./kafka-client.ts";
import type { KafkaLimits } from "./limits.ts";
import { passesOf } from "./pass-on.ts";
import type { JobRecord, Mark, PoolPump } from "./pool-pump.ts";

export type ConsumerDeps = {
  kafka: Kafka;
  topic: string;
  groupId: string;
  pump: PoolPump;
  rng: Rng;
  onError: (error: unknown) => void;
  limits: KafkaLimits;
};

type Commit = EachBatchPayload["commitOffsetsIfNecessary"];

const recordOf = (partition: number, { offset, timestamp, key, value, headers }: KafkaMessage): JobRecord => ({
  partition,
  offset: Number(offset),
  timestamp,
  key,
  value,
  headers,
  passes: passesOf(headers),
});

export class PoolConsumer {
  readonly #deps: ConsumerDeps;
  readonly #stop = new AbortController();
  readonly #life: Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #consumer: Consumer | undefined;
  #commitOffsets: Commit | undefined;
  #committing: Promise<void> | undefined;
  #failures = 0;
  #joined = false;
  /** When it last fetched or joined, by the clock that never jumps. */
  #aliveAt = performance.now();
  #giveUp: ((error: Error) => void) | undefined;

  constructor(deps: ConsumerDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => {
      this.#watch();
      void this.commit();
    }, deps.limits.commitMs);
    this.#life = this.#live();
  }

  /** Whether it has its share of the pool now. */
  get joined(): boolean {
    return this.#joined;
  }

  setFetching(on: boolean): void {
    const topics = [{ topic: this.#deps.topic }];
    if (!this.#joined) return;
    if (on) this.#consumer?.resume(topics);
    else this.#consumer?.pause(topics);
  }

  /** Tells the broker how far everything is settled. What it does not take is told again later. */
  commit(): Promise<void> {
    this.#committing ??= this.#commitMarks().finally(() => {
      this.#committing = undefined;
    });
    return this.#committing;
  }

  /** As `commit`, with what is settled now. */
  async flush(): Promise<void> {
    await this.#committing;
    await this.commit();
  }

  /** Commits and leaves the group. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.race([this.flush(), sleep(this.#deps.limits.leaveMs, undefined, { ref: false })]);
    this.#stop.abort();
    await Promise.race([this.#life, sleep(this.#deps.limits.leaveMs, undefined, { ref: false })]);
  }

  async #commitMarks(): Promise<void> {
    const { pump, topic } = this.#deps;
    const marks = pump.marks();
    const { epoch } = pump;
    if (this.#commitOffsets === undefined || marks.length === 0) return;
    const partitions = marks.map(({ partition, offset }: Mark) => ({ partition, offset: String(offset) }));
    try {
      await this.#commitOffsets({ topics: [{ topic, partitions }] });
      pump.noteCommitted(marks, epoch);
    } catch (error) {
      // A group that is put together anew takes none; the heartbeat finds out, and the records come again.
      if (!this.#stop.signal.aborted) this.#deps.onError(error);
    }
  }

  async #live(): Promise<void> {
    const { limits, rng, onError } = this.#deps;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#runOnce().catch(onError);
      if (signal.aborted) return;
      const most = Math.min(limits.maxRebuildMs, limits.firstRebuildMs * 2 ** this.#failures);
      this.#failures += 1;
      await sleep(rng() * most, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Runs one consumer until the client gives it up or it is closed. */
  async #runOnce(): Promise<void> {
    const { kafka, groupId, limits, topic } = this.#deps;
    const consumer = kafka.consumer({
      groupId,
      sessionTimeout: limits.sessionMs,
      heartbeatInterval: limits.heartbeatMs,
      rebalanceTimeout: limits.rebalanceMs,
      maxWaitTimeInMs: limits.fetchWaitMs,
      maxBytes: limits.fetchBytes,
      maxBytesPerPartition: limits.fetchPartitionBytes,
      allowAutoTopicCreation: false,
      // Building it anew is done here alone, for every cause.
      retry: { ...retryOptions(limits), restartOnFailure: () => Promise.resolve(false) },
    });
    const { promise: ended, resolve: end, reject: giveUp } = Promise.withResolvers<void>();
    const { signal } = this.#stop;
    const stop = () => end();
    signal.addEventListener("abort", stop);
    this.#consumer = consumer;
    this.#giveUp = giveUp;
    this.#aliveAt = performance.now();
    consumer.on("consumer.crash", ({ payload }) => giveUp(payload.error));
    consumer.on("consumer.group_join", () => this.#begin(consumer));
    consumer.on("consumer.rebalancing", () => void this.commit());
    consumer.on("consumer.fetch", () => {
      this.#aliveAt = performance.now();
    });
    const running = this.#run(consumer, topic);
    try {
      await Promise.race([running.then(() => ended), ended]);
    } finally {
      signal.removeEventListener("abort", stop);
      this.#leave();
      await Promise.race([this.#end(consumer, running), sleep(limits.leaveMs, undefined, { ref: false })]);
    }
  }

  /** Twice, because one that was still connecting would join after the first. */
  async #end(consumer: Consumer, running: Promise<void>): Promise<void> {
    try {
      await consumer.disconnect();
      await running.catch(() => undefined);
      await consumer.disconnect();
    } catch (error) {
      this.#deps.onError(error);
    }
  }

  #watch(): void {
    const { silentMs, rebalanceMs, sessionMs } = this.#deps.limits;
    const patience = this.#joined ? silentMs : rebalanceMs + sessionMs + silentMs;
    if (performance.now() - this.#aliveAt > patience) this.#giveUp?.(new Error("the consumer of Kafka fell silent"));
  }

  async #run(consumer: Consumer, topic: string): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => (this.#consumer === consumer ? this.#read(payload) : Promise.resolve()),
    });
  }

  #begin(consumer: Consumer): void {
    if (this.#consumer !== consumer) return;
    this.#aliveAt = performance.now();
    this.#joined = true;
    this.#failures = 0;
    this.#deps.pump.beginEpoch();
  }

  #leave(): void {
    this.#joined = false;
    this.#consumer = undefined;
    this.#giveUp = undefined;
    this.#commitOffsets = undefined;
    this.#deps.pump.beginEpoch();
  }

  async #read(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    if (!payload.isRunning() || payload.isStale() || this.#stop.signal.aborted) return;
    this.#commitOffsets = (offsets) => payload.commitOffsetsIfNecessary(offsets);
    payload.resolveOffset(batch.lastOffset());
    await this.#deps.pump.take(batch.messages.map((message) => recordOf(batch.partition, message)));
  }
}
