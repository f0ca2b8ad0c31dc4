// Looks at the dead letters of a pool: a queue cannot be read without taking out what is in it. So looks go
// one after the other, here and between processes, and each ends when all is back.
import { AgentError } from "@ossaat/contracts";
import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import { setTimeout as sleep } from "node:timers/promises";

import { deadQueue, lookQueue, onOwnChannel, unreachable } from "./broker.ts";
import type { Broker } from "./broker.ts";
import { rabbitmqLimits } from "./limits.ts";
import type { Link } from "./link.ts";
import type { Topology } from "./topology.ts";

export type LookDeps = {
  broker: Broker;
  link: Link;
  topology: Topology;
  /** Puts a copy at the end of the letters; false when it did not get there. */
  renew: (pool: string, message: ConsumeMessage) => Promise<boolean>;
  /** Whether the broker takes copies now. */
  canRenew: () => boolean;
};

export type Look = {
  /** Letters at its beginning. */
  total: number;
  /** The letters, oldest first; fewer than all when there are more than one look goes through. */
  pages(): AsyncIterable<readonly ConsumeMessage[]>;
  /** Takes one away; the others go back. */
  end(message: ConsumeMessage): void;
  /** Whether there is time for more, and after it to give back the others. */
  hasTime(): boolean;
};

type LookTime = {
  /** Time to wait for its turn, ms. */
  turnMs?: number;
  /** Time for all of it, ms; absent = as the limits say. */
  withinMs?: number | undefined;
};

/** The turn of this look did not come. */
class BusyError extends AgentError {
  constructor(pool: string) {
    super("unavailable", `Somebody else looks at the dead letters of ${pool}.`, {
      details: { next: "try it again; `ossaat queue status` says whether the broker answers" },
    });
  }
}

/** One more look could be the last. */
function tooWorn(queue: string): AgentError {
  return new AgentError(
    "unavailable",
    `The letters in ${queue} were looked at so often that they must be copied first.`,
    {
      details: { next: "give the broker memory and disk; `ossaat queue status` tells when it takes messages again" },
    },
  );
}

/** Letters of the next page: few when they are large. */
function pageSize(seen: number, bytes: number): number {
  const { firstPage, lookPage, pageBytes } = rabbitmqLimits;
  if (seen === 0) return firstPage;
  return Math.max(1, Math.min(lookPage, Math.floor((pageBytes * seen) / Math.max(1, bytes))));
}

/** At most `count` messages; fewer when somebody empties the queue meanwhile. */
async function takePage(channel: Channel, queue: string, count: number): Promise<ConsumeMessage[]> {
  const page: ConsumeMessage[] = [];
  const { promise: full, resolve } = Promise.withResolvers<void>();
  await channel.prefetch(count);
  const { consumerTag } = await channel.consume(queue, (message) => {
    if (message !== null) page.push(message);
    if (message === null || page.length >= count) resolve();
  });
  channel.once("close", resolve);
  const over = new AbortController();
  await Promise.race([full, sleep(rabbitmqLimits.pageMs, undefined, { signal: over.signal }).catch(() => undefined)]);
  over.abort();
  channel.off("close", resolve);
  await channel.cancel(consumerTag);
  return page;
}

/** What a person must mend is told by the health of the queue. */
function ignoreProblem(error: unknown): void {
  if (!(error instanceof AgentError)) throw error;
}

function deliveriesOf({ properties }: ConsumeMessage): number {
  const count: unknown = properties.headers?.["x-delivery-count"];
  return typeof count === "number" ? count : 0;
}

type Opening = { total: number; isSafe: boolean; until: number };

class OpenLook implements Look {
  readonly total: number;
  readonly #channel: Channel;
  readonly #queue: string;
  readonly #isSafe: boolean;
  readonly #until: number;
  /** With their places. */
  readonly #held = new Map<ConsumeMessage, number>();
  readonly #ended = new Set<ConsumeMessage>();
  /** Rows of letters beside one another that have ended, and where the last one stops. */
  #rows = 0;
  #rowEnd = -1;

  constructor(channel: Channel, queue: string, { total, isSafe, until }: Opening) {
    this.#channel = channel;
    this.#queue = queue;
    this.#isSafe = isSafe;
    this.#until = until;
    this.total = total;
  }

  /** Letters that are there afterwards. */
  get left(): number {
    return this.total - this.#ended.size;
  }

  async *pages(): AsyncIterable<readonly ConsumeMessage[]> {
    const { lookMs, maxDeadLetters, maxLookedBytes } = rabbitmqLimits;
    if (!this.#isSafe) throw tooWorn(this.#queue);
    const until = Math.min(this.#until, performance.now() + lookMs);
    const count = Math.min(this.total, maxDeadLetters);
    let bytes = 0;
    for (let seen = 0; seen < count && bytes < maxLookedBytes && performance.now() < until;) {
      const page = await takePage(this.#channel, this.#queue, Math.min(pageSize(seen, bytes), count - seen));
      if (page.length === 0) return;
      for (const message of page) {
        this.#held.set(message, this.#held.size);
        bytes += message.content.length;
      }
      seen += page.length;
      yield page;
    }
  }

  end(message: ConsumeMessage): void {
    const place = this.#held.get(message) ?? -1;
    if (place !== this.#rowEnd + 1 || this.#rows === 0) this.#rows += 1;
    this.#rowEnd = place;
    this.#ended.add(message);
  }

  hasTime(): boolean {
    const { settledAtOnce, lookPauseMs } = rabbitmqLimits;
    // Each row that has ended, and each between two, is settled by itself.
    const settleMs = (2 * this.#rows * lookPauseMs) / settledAtOnce;
    return performance.now() + settleMs < this.#until;
  }

  /**
   * Puts all back and waits until it is there. NOTE: that counts as a delivery, and a letter with too many of
   * them would be forgotten: it is renewed in time.
   * @returns whether all that needed it are renewed; undefined when nothing was taken
   */
  async giveBack(renew: (message: ConsumeMessage) => Promise<boolean>, limit: number): Promise<boolean | undefined> {
    if (this.#held.size === 0) return undefined;
    const staying = [...this.#held.keys()].filter((message) => !this.#ended.has(message));
    const worn = staying.filter((message) => deliveriesOf(message) >= Math.floor(limit / 2));
    const renewed = await Promise.all(worn.map(renew));
    await this.#settle(new Set([...this.#ended, ...worn.filter((_, index) => renewed[index])]));
    const until = performance.now() + rabbitmqLimits.returnMs;
    while ((await this.#channel.checkQueue(this.#queue)).messageCount < this.left && performance.now() < until) {
      await sleep(rabbitmqLimits.lookPauseMs);
    }
    return renewed.every(Boolean);
  }

  /**
   * Takes away what is gone and gives back the rest, in their order, those beside one another at once. NOTE: a
   * channel keeps what it has to say to a quorum queue while 32 are on their way, and forgets that when it closes.
   */
  async #settle(gone: ReadonlySet<ConsumeMessage>): Promise<void> {
    const held = [...this.#held.keys()];
    let said = 0;
    for (const [index, message] of held.entries()) {
      const next = held[index + 1];
      const goesOn = next?.fields.consumerTag === message.fields.consumerTag && gone.has(next) === gone.has(message);
      if (goesOn) continue;
      if (gone.has(message)) this.#channel.ack(message, true);
      else this.#channel.nack(message, true, true);
      said += 1;
      if (said % rabbitmqLimits.settledAtOnce === 0) await sleep(rabbitmqLimits.lookPauseMs);
    }
  }
}

type Turn<T> = {
  work: (look: Look) => Promise<T>;
  before: Promise<unknown>;
  turnMs: number;
  /** When it must be over, by `performance.now()`. */
  until: number;
};

/** Whether it is over by then. */
async function isOverBy(work: Promise<unknown>, until: number): Promise<boolean> {
  const over = new AbortController();
  const late = sleep(Math.max(0, until - performance.now()), undefined, { signal: over.signal });
  const waiting = late.then(
    () => false,
    () => true,
  );
  try {
    return await Promise.race([work.then(() => true), waiting]);
  } finally {
    over.abort();
  }
}

export class LetterLooks {
  readonly #deps: LookDeps;
  /** The last look at each pool that was asked for. */
  readonly #last = new Map<string, Promise<unknown>>();
  readonly #open = new Map<string, OpenLook>();
  readonly #known = new Map<string, number>();
  /** Pools with letters that were given back nearly as often as their queue allows, and could not be renewed. */
  readonly #worn = new Set<string>();

  constructor(deps: LookDeps) {
    this.#deps = deps;
  }

  /** @throws AgentError unavailable */
  async look<T>(
    pool: string,
    work: (look: Look) => Promise<T>,
    { turnMs = rabbitmqLimits.lookTurnMs, withinMs = rabbitmqLimits.wholeLookMs }: LookTime = {},
  ): Promise<T> {
    const until = performance.now() + withinMs;
    const model = await this.#deps.link.ready();
    const before = this.#last.get(pool) ?? Promise.resolve();
    const looking = this.#inTurn(model, pool, { work, before, turnMs, until });
    // One that was given up before its turn came does not end the wait of those behind it.
    this.#last.set(
      pool,
      Promise.allSettled([before, looking]).then(() => undefined),
    );
    try {
      return await looking;
    } catch (error) {
      throw error instanceof AgentError ? error : unreachable(this.#deps.broker, error);
    }
  }

  /** Those that a look has in hand count. @throws AgentError unavailable */
  async count(pool: string): Promise<number> {
    const open = this.#open.get(pool);
    if (open !== undefined) return open.left;
    try {
      const total = ({ total: all }: Look) => Promise.resolve(all);
      return await this.look(pool, total, { turnMs: rabbitmqLimits.countTurnMs });
    } catch (error) {
      const known = this.#known.get(pool);
      if (error instanceof BusyError && known !== undefined) return known;
      throw error;
    }
  }

  /** NOTE: an exclusive queue goes with its connection, as do the letters in hand. */
  async #inTurn<T>(model: ChannelModel, pool: string, { work, before, turnMs, until }: Turn<T>): Promise<T> {
    const { broker, topology } = this.#deps;
    // Its turn is worth nothing without the time to look.
    const latest = until - rabbitmqLimits.lookMs;
    if (!(await isOverBy(before, latest))) throw new BusyError(pool);
    // Whoever looks first makes the queues; one of another kind is looked at as it is.
    if (!topology.isDeclared(pool)) await topology.declare(model, [pool]).catch(ignoreProblem);
    const name = lookQueue(broker, pool);
    const turnUntil = Math.min(latest, performance.now() + turnMs);
    while (!(await this.#takeTurn(model, name))) {
      if (performance.now() > turnUntil) throw new BusyError(pool);
      await sleep(rabbitmqLimits.lookPauseMs);
    }
    try {
      return await onOwnChannel(model, (channel) => this.#opened(channel, pool, { work, until }));
    } finally {
      const leaving = onOwnChannel(model, (channel) => channel.deleteQueue(name));
      await leaving.catch((error: unknown) => broker.onError(error));
    }
  }

  /** Whether it is this look's turn: nobody else has the queue of that name. */
  async #takeTurn(model: ChannelModel, name: string): Promise<boolean> {
    const words = { exclusive: true, durable: false, arguments: { "x-queue-type": "classic" } };
    try {
      await onOwnChannel(model, (channel) => channel.assertQueue(name, words));
      return true;
    } catch (error) {
      if ((error as { code?: unknown }).code === 405) return false;
      throw error;
    }
  }

  async #opened<T>(channel: Channel, pool: string, { work, until }: Pick<Turn<T>, "work" | "until">): Promise<T> {
    const { broker, canRenew, renew, topology } = this.#deps;
    const queue = deadQueue(broker, pool);
    const { messageCount } = await channel.checkQueue(queue);
    const isSafe = !this.#worn.has(pool) || canRenew();
    const look = new OpenLook(channel, queue, { total: messageCount, isSafe, until });
    this.#open.set(pool, look);
    try {
      return await work(look);
    } finally {
      this.#open.delete(pool);
      this.#known.set(pool, look.left);
      const giving = look.giveBack((message) => renew(pool, message), topology.letterLimit(pool));
      const isRenewed = await giving.catch((error: unknown) => {
        broker.onError(error);
        return undefined;
      });
      if (isRenewed === true) this.#worn.delete(pool);
      if (isRenewed === false) this.#worn.add(pool);
    }
  }
}
