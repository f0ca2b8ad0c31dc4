// An engine over some queue and store, the workers on it, and what a suite asks of them.
import { createQueueParts } from "../compose/queue-parts.ts";
import type { OpenQueue, QueueParts } from "../compose/queue-parts.ts";
import { completeStep } from "../job/end-step.ts";
import type { Claim } from "../job/engine.ts";
import type { JobQueue } from "../job/job-queue.ts";
import { createWorker } from "../job/worker.ts";
import type { StepRunner, Worker, WorkerDeps } from "../job/worker.ts";
import { auditPlan } from "./audit-plan.ts";
import { eventsOf, planRowOf } from "./look.ts";
import { seededRng, shuffled } from "./manual-clock.ts";
import type { QueueEntry } from "./queue-deaths.ts";
import { pool } from "./queue-under-test.ts";
import { endByLastStep, messagesOf } from "./take-step.ts";
import { openTestEngine } from "./test-engine.ts";
import type { TestEngine } from "./test-engine.ts";
import type { TestStoreKind } from "./test-store.ts";
import { waitUntil } from "./wait-until.ts";

/** How a suite of the engine reaches a queue; nothing of it = the outbox is the queue. */
export type QueueUnderEngine = {
  openQueue?: OpenQueue;
  /** Takes every message of the pool away, as an operator may. Absent: the outbox is emptied. */
  purge?(): Promise<void>;
  /** Messages that wait, as the broker's own tools say. */
  count?(): Promise<number>;
  /** How a process of its own opens the same queue. */
  entry?: QueueEntry;
  /** Holds a message for longer than the broker lets a client; resolves when the broker took it away. */
  outlastTimeout?(): Promise<void>;
};

export type WorkOptions = Partial<Pick<WorkerDeps, "slots" | "queue" | "kinds" | "heartbeatMs">>;

/** Slots of a bench's worker and of its relay. */
const slots = 2;
/** A plan of a few steps, on a busy machine. */
export const benchWaitMs = 30_000;

export class EngineBench {
  readonly engine: TestEngine;
  carried: QueueUnderEngine;
  #parts: QueueParts[] = [];
  #workers: Worker[] = [];

  static async open(carried: QueueUnderEngine, store: TestStoreKind): Promise<EngineBench> {
    const bench = new EngineBench(await openTestEngine(store), carried);
    await bench.start();
    return bench;
  }

  private constructor(engine: TestEngine, carried: QueueUnderEngine) {
    this.engine = engine;
    this.carried = carried;
    const rng = seededRng(7);
    // Whichever process announced a step hears of it first; here they share an engine.
    engine.wakeQueue = () => shuffled(this.#parts, rng).forEach((each) => each.wake());
  }

  get queue(): JobQueue {
    const [first] = this.#parts;
    if (first === undefined) throw new Error("the bench is stopped");
    return first.queue;
  }

  /** Opens a queue with its relay, as a process does at its start; a second one beside the first. */
  async start(change: (queue: JobQueue) => JobQueue = (queue) => queue, relaySlots = slots): Promise<JobQueue> {
    const { openQueue } = this.carried;
    const parts = createQueueParts(this.engine, {
      openQueue: openQueue === undefined ? undefined : (onError) => change(openQueue(onError)),
      slots: relaySlots,
    });
    this.#parts.push(parts);
    await parts.queue.ensureTopology([pool]);
    parts.start();
    return openQueue === undefined ? change(parts.queue) : parts.queue;
  }

  /** Stops workers, relays and queues, as the end of a process does. */
  async stop(): Promise<void> {
    for (const worker of this.#workers.splice(0)) await worker.stop();
    for (const each of this.#parts.splice(0)) await each.stop();
  }

  /** Goes on with another queue, as a process does that is started with another setting. */
  async swap(carried: QueueUnderEngine): Promise<void> {
    await this.stop();
    this.carried = carried;
    await this.start();
  }

  async remove(): Promise<void> {
    await this.stop();
    await this.engine.remove();
  }

  work(runStep: StepRunner = this.finish, { queue = this.queue, ...options }: WorkOptions = {}): Worker {
    const workerId = `worker-${this.engine.ids.short()}`;
    const worker = createWorker({ engine: this.engine, queue, runStep, workerId, pool, slots, ...options });
    this.#workers.push(worker);
    worker.start();
    return worker;
  }

  readonly finish = async (claim: Claim): Promise<void> => {
    if (claim.step.kind === "finish") return endByLastStep(this.engine, claim);
    return completeStep(this.engine, claim, { summary: "done", head: "h" });
  };

  /** Waits for the end of a plan. `passMs`: lets so much time pass at each look. */
  ends(planId: string, passMs = 0): Promise<void> {
    return waitUntil(
      "the plan ends",
      async () => {
        if (passMs > 0) this.pass(passMs);
        return (await planRowOf(this.engine, planId)).finished_at !== null;
      },
      benchWaitMs,
    );
  }

  pass(ms: number): void {
    this.engine.clock.advance(ms);
    this.engine.wakeQueue();
  }

  /** Steps of a plan in the order of their names, each as often as it was started. */
  async startsOf(planId: string): Promise<string[]> {
    const started = (await eventsOf(this.engine, planId)).filter((event) => event.startsWith("step.started "));
    return started.map((event) => event.slice("step.started ".length)).sort();
  }

  /** What is wrong with a plan that must have succeeded; empty = nothing. */
  async faultsOf(planId: string): Promise<string[]> {
    const { status } = await planRowOf(this.engine, planId);
    return [...(status === "succeeded" ? [] : [`it is ${status}`]), ...(await auditPlan(this.engine, planId))];
  }

  isRelayed(planId: string): Promise<void> {
    const isGone = async () => (await messagesOf(this.engine, planId)).length === 0;
    return waitUntil("nothing waits in the outbox", isGone, benchWaitMs);
  }

  isEmpty(): Promise<void> {
    return waitUntil("no message waits", async () => (await this.queue.depth(pool)) === 0, benchWaitMs);
  }
}
