// T2: takes messages out of the outbox, gives them to a broker, and deletes them soon after the broker has
// confirmed. A death in between repeats a message, which is allowed; none is ever lost by it.
import { AgentError } from "@ossaat/contracts";
import type { JobEnvelope } from "@ossaat/contracts";

import { buryMessage } from "./bury-message.ts";
import { readEnvelope } from "./envelope-text.ts";
import type { Engine } from "./engine.ts";
import { createOutboxClaims } from "./claim-outbox.ts";
import type { ClaimedMessage, OutboxClaims } from "./claim-outbox.ts";
import type { JobQueue, PublishResult } from "./job-queue.ts";
import { jobEngineLimits } from "./limits.ts";

export type RelayDeps = {
  engine: Pick<Engine, "store" | "clock" | "log" | "dispatch">;
  queue: JobQueue;
  pools: readonly string[];
  /** Steps that run at once in this process: it keeps twice as many messages at the broker. */
  slots: number;
};

export type Relay = {
  /** Begins to carry; a process that is not to relay never does. */
  start(): void;
  /** Tells that the outbox may have grown. Before the start it does nothing. */
  wake(): void;
  stop(): Promise<void>;
};

/** What one round over a pool came to. `full`: the broker has enough for now, and more waits here. */
type Round = "empty" | "sent" | "full" | "stuck";

type Answered = { message: ClaimedMessage; answer: PublishResult };

class PoolRelay {
  readonly #deps: RelayDeps;
  readonly #claims: OutboxClaims;
  readonly #pool: string;
  #hasTopology = false;
  /** The last round gave the broker all it had: it need not be asked how it is before the next. */
  #isSound = false;
  /** Messages that may be sent before the broker is asked again how many it has. */
  #room = 0;
  /** What the broker has confirmed and is still in the outbox, unless the claim of its step took it out. */
  #confirmed: ClaimedMessage[] = [];
  #removal: NodeJS.Timeout | undefined;
  #removing: Promise<void> = Promise.resolve();
  #isClosing = false;

  constructor(deps: RelayDeps, pool: string) {
    this.#deps = deps;
    this.#pool = pool;
    const { store, clock, dispatch } = deps.engine;
    this.#claims = createOutboxClaims({ store, clock, weights: dispatch?.weights });
  }

  /** Asks the broker nothing that it need not: a message that becomes ready while nothing waits goes to it at once. */
  async round(): Promise<Round> {
    const wasSound = this.#isSound;
    this.#isSound = false;
    if (!wasSound && !(await this.#canTake())) return "stuck";
    if (this.#room <= 0) this.#room = await this.#askRoom();
    if (this.#room <= 0) {
      this.#isSound = true;
      return "full";
    }
    const limit = Math.min(this.#room, jobEngineLimits.relayBatch);
    const messages = await this.#claims.take({ pool: this.#pool, limit, forMs: jobEngineLimits.relayClaimMs });
    if (messages.length === 0) {
      this.#isSound = true;
      return "empty";
    }
    this.#room -= messages.length;
    const answered = await this.#publish(messages);
    await this.#end(answered);
    this.#isSound = answered.every(({ answer }) => answer.accepted || answer.reason === "too_large");
    return this.#isSound ? "sent" : "stuck";
  }

  /** Deletes what the broker has confirmed, now. Rejects when it could not: the broker gets it again some day. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#removing;
    await this.#remove();
  }

  async #remove(): Promise<void> {
    clearTimeout(this.#removal);
    this.#removal = undefined;
    const confirmed = this.#confirmed;
    this.#confirmed = [];
    await this.#claims.remove(confirmed).catch((error: unknown) => {
      this.#confirmed.push(...confirmed);
      throw error;
    });
  }

  /** The step of a message is claimed meanwhile, and nothing is in its way: what the claim took out costs no commit. */
  #removeSoon(messages: readonly ClaimedMessage[], afterMs: number = jobEngineLimits.relayRemoveMs): void {
    this.#confirmed.push(...messages);
    if (this.#confirmed.length === 0 || this.#isClosing) return;
    this.#removal ??= setTimeout(() => {
      this.#removing = this.#remove().catch((error: unknown) => {
        this.#deps.engine.log.warn({ pool: this.#pool, error }, "sent messages are still in the outbox");
        this.#removeSoon([], jobEngineLimits.pollMs);
      });
    }, afterMs);
  }

  async #canTake(): Promise<boolean> {
    const { queue } = this.#deps;
    const { blocked, ok } = await queue.health();
    if (!ok || blocked === true) return false;
    if (!this.#hasTopology) {
      await queue.ensureTopology([this.#pool]);
      this.#hasTopology = true;
    }
    return true;
  }

  // NOTE: a short queue at the broker, so that priority and cancellation are decided late.
  async #askRoom(): Promise<number> {
    const { queue, slots } = this.#deps;
    return slots * jobEngineLimits.relayedPerSlot - (await queue.depth(this.#pool));
  }

  async #publish(messages: readonly ClaimedMessage[]): Promise<Answered[]> {
    const readable: { message: ClaimedMessage; envelope: JobEnvelope }[] = [];
    for (const message of messages) {
      try {
        readable.push({ message, envelope: readEnvelope(message.envelope_json) });
      } catch (error) {
        await this.#bury(message, error instanceof Error ? error.message : String(error));
      }
    }
    const answers = await this.#deps.queue.publish(readable.map(({ envelope }) => envelope));
    return readable.map(({ message }, index) => {
      const answer = answers[index] ?? ({ accepted: false, reason: "unavailable" } as const);
      return { message, answer };
    });
  }

  /** What no broker will ever take is kept apart, so that the messages behind it go on. */
  async #bury(message: ClaimedMessage, reason: string): Promise<void> {
    const { store, clock, log } = this.#deps.engine;
    const isNew = await store.tx((tx) => buryMessage(tx, { id: message.id, at: clock.now(), reason }));
    await this.#claims.remove([message]);
    // Its step is announced again, because the next message may be good; that needs no line in the log each time.
    if (isNew) log.error({ message: message.id, reason }, "message cannot be sent");
  }

  async #end(answered: readonly Answered[]): Promise<void> {
    const rest: ClaimedMessage[] = [];
    for (const { answer, message } of answered) {
      if (answer.accepted) continue;
      if (answer.reason === "too_large") {
        await this.#bury(message, answer.reason);
        continue;
      }
      this.#deps.engine.log.warn({ message: message.id, reason: answer.reason }, "message was not accepted");
      if (answer.reason === "unroutable") this.#hasTopology = false;
      rest.push(message);
    }
    this.#removeSoon(answered.filter(({ answer }) => answer.accepted).map(({ message }) => message));
    await this.#claims.giveBack(rest);
  }
}

/** Runs one pool until stopped: at once when woken, soon while the broker is full, else by a poll. */
class PoolLoop {
  readonly #relay: PoolRelay;
  readonly #log: Engine["log"];
  readonly #pool: string;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #isStarted = false;
  #isStopped = false;

  constructor(deps: RelayDeps, pool: string) {
    this.#relay = new PoolRelay(deps, pool);
    this.#log = deps.engine.log;
    this.#pool = pool;
  }

  start(): void {
    this.#isStarted = true;
    this.wake();
  }

  wake(): void {
    if (!this.#isStarted || this.#isStopped) return;
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#running = this.#work().finally(() => {
      this.#running = undefined;
      if (this.#again) this.wake();
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
    await this.#relay.close().catch((error: unknown) => this.#tell(error));
  }

  async #work(): Promise<void> {
    this.#again = false;
    const round = await this.#relay.round().catch((error: unknown): Round => {
      this.#tell(error);
      return "stuck";
    });
    if (round === "sent") this.#again = true;
    else this.#sleep(round === "full" ? jobEngineLimits.relayFullMs : jobEngineLimits.pollMs);
  }

  #tell(error: unknown): void {
    const fields = { pool: this.#pool, error };
    if (error instanceof AgentError && error.code === "unavailable") this.#log.warn(fields, "relay waits");
    else this.#log.error(fields, "relay failed");
  }

  #sleep(ms: number): void {
    if (!this.#isStopped) this.#timer = setTimeout(() => this.wake(), ms);
  }
}

export function createRelay(deps: RelayDeps): Relay {
  const loops = deps.pools.map((pool) => new PoolLoop(deps, pool));
  return {
    start: () => loops.forEach((loop) => loop.start()),
    wake: () => loops.forEach((loop) => loop.wake()),
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}
