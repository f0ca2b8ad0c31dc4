// One connection to the broker that comes back by itself. Each new connection is a new epoch:
// whatever was made on the one before is void.
import { AgentError } from "@ossaat/contracts";
import { connect } from "amqplib";
import type { ChannelModel, RecoveringChannelModel } from "amqplib";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { isRefusal, refusalOf, unreachable } from "./broker.ts";
import type { Broker } from "./broker.ts";
import { rabbitmqLimits } from "./limits.ts";

export type Link = {
  /** The connection of now; undefined between two. */
  readonly model: ChannelModel | undefined;
  /** Whether the broker takes no messages on this connection, and why. */
  readonly blocked: string | undefined;
  /** Why what belongs on a connection could not be made on the last one, for a person to mend. */
  readonly problem: AgentError | undefined;
  /** @throws AgentError unavailable when there is none in time */
  ready(): Promise<ChannelModel>;
  /** Gives the connection up, so that the next one begins cleanly. */
  reset(): void;
  close(): Promise<void>;
};

export type LinkOptions = {
  /** Shown in the broker's list of connections. */
  name: string;
  /** Makes what belongs on a connection; when it fails, the connection counts as failed. */
  onConnect(model: ChannelModel): Promise<void>;
  onLost(): void;
};

/** Full jitter: anywhere between the shortest pause and one that doubles each time. */
export function reconnectDelayMs({ rng, tuning }: Pick<Broker, "rng" | "tuning">, attempt: number): number {
  const { minReconnectMs } = rabbitmqLimits;
  const cap = Math.min(tuning.maxReconnectMs, minReconnectMs * 2 ** Math.min(attempt, 20));
  return minReconnectMs + rng() * Math.max(0, cap - minReconnectMs);
}

/**
 * NOTE: a broker whose channel is stuck never answers the close, but goes on with its heartbeats; then
 * only the end of the socket helps.
 */
async function endConnection(model: ChannelModel): Promise<void> {
  const closed = new AbortController();
  const { stream } = model.connection as unknown as { stream: Socket };
  void sleep(rabbitmqLimits.closeMs, undefined, { signal: closed.signal }).then(
    () => stream.destroy(),
    () => undefined,
  );
  try {
    await model.close();
  } finally {
    closed.abort();
  }
}

class RecoveringLink implements Link {
  readonly #broker: Broker;
  readonly #options: LinkOptions;
  readonly #recovering: Promise<RecoveringChannelModel>;
  #model: ChannelModel | undefined;
  #waiting: ((model: ChannelModel) => void)[] = [];
  #lastError: unknown;
  blocked: string | undefined;
  problem: AgentError | undefined;

  constructor(broker: Broker, options: LinkOptions) {
    this.#broker = broker;
    this.#options = options;
    this.#recovering = this.#open();
  }

  get model(): ChannelModel | undefined {
    return this.#model;
  }

  async ready(): Promise<ChannelModel> {
    if (this.#model !== undefined) return this.#model;
    // It was answered already, and a person has to change something first.
    if (this.problem !== undefined && isRefusal(this.problem)) throw this.problem;
    const { waitForConnectionMs } = this.#broker.tuning;
    const connected = new Promise<ChannelModel>((resolve) => {
      this.#waiting.push(resolve);
    });
    const timeout = new AbortController();
    try {
      const model = await Promise.race([
        connected,
        sleep(waitForConnectionMs, undefined, { signal: timeout.signal }).catch(() => undefined),
      ]);
      if (model === undefined) throw unreachable(this.#broker, this.#lastError);
      return model;
    } finally {
      timeout.abort();
    }
  }

  reset(): void {
    const model = this.#model;
    this.#lose();
    if (model !== undefined) void endConnection(model).catch((error: unknown) => this.#broker.onError(error));
  }

  async close(): Promise<void> {
    const recovering = await this.#recovering;
    this.#model = undefined;
    await recovering.close();
  }

  async #open(): Promise<RecoveringChannelModel> {
    const url = new URL(this.#broker.url);
    url.searchParams.set("heartbeat", String(this.#broker.tuning.heartbeatSeconds));
    const recovering = await connect(url.href, {
      // NOTE: without it a message waits for the acknowledgement of the one before, 40 ms.
      noDelay: true,
      ...(this.#broker.ca === undefined ? {} : { ca: this.#broker.ca }),
      timeout: rabbitmqLimits.connectMs,
      clientProperties: { connection_name: this.#options.name },
      recovery: {
        waitForConnect: false,
        calculateDelay: (attempt) => reconnectDelayMs(this.#broker, attempt),
        setup: (model: ChannelModel) => this.#connected(model),
      },
    });
    recovering.on("connect-failed", (error) => this.#failed(error));
    recovering.on("disconnect", (error) => this.#failed(error));
    recovering.on("error", (error) => this.#failed(error));
    recovering.on("blocked", (reason) => {
      this.blocked = reason;
    });
    recovering.on("unblocked", () => {
      this.blocked = undefined;
    });
    return recovering;
  }

  async #connected(model: ChannelModel): Promise<void> {
    // An error during the setup has no other listener yet, and one without a listener ends the process.
    model.on("error", (error) => {
      this.#lastError = error;
    });
    try {
      await this.#options.onConnect(model);
      this.problem = undefined;
    } catch (error) {
      this.problem = error instanceof AgentError ? error : undefined;
      throw error;
    }
    this.#model = model;
    model.once("close", () => {
      if (this.#model === model) this.#lose();
    });
    for (const resolve of this.#waiting.splice(0)) resolve(model);
  }

  #failed(error: unknown): void {
    this.#lastError = error;
    const refusal = refusalOf(this.#broker, error);
    if (refusal !== undefined || isRefusal(this.problem)) this.problem = refusal;
    this.#broker.onError(refusal ?? error);
  }

  #lose(): void {
    this.#model = undefined;
    this.blocked = undefined;
    this.#options.onLost();
  }
}

export function openLink(broker: Broker, options: LinkOptions): Link {
  return new RecoveringLink(broker, options);
}
