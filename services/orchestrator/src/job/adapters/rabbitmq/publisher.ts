// Sends messages and waits until the broker has confirmed each of them, or says what became of it.
import type { ChannelModel, ConfirmChannel, Message, Options } from "amqplib";
import { setTimeout as sleep } from "node:timers/promises";

import type { JobEnvelope } from "@ossaat/contracts";

import { isTooLarge } from "../../envelope-text.ts";
import type { PublishResult } from "../../job-queue.ts";
import { jobsQueue } from "./broker.ts";
import type { Broker } from "./broker.ts";
import { openLink } from "./link.ts";
import type { Link } from "./link.ts";
import type { Topology } from "./topology.ts";

export type Publisher = {
  link: Link;
  publish(envelopes: readonly JobEnvelope[]): Promise<PublishResult[]>;
  /** Sends bytes as they are. */
  send(queue: string, content: Buffer, options: Options.Publish): Promise<PublishResult>;
  close(): Promise<void>;
};

/** `drained`: absent while the connection takes more. */
type Sending = { channel: ConfirmChannel; returned: Set<string>; drained?: Promise<void> | undefined };

const refused = (reason: Exclude<PublishResult, { accepted: true }>["reason"]): PublishResult => ({
  accepted: false,
  reason,
});

/** What stands on the outside of a message; whoever receives it reads the body alone. */
function messageOptions(envelope: JobEnvelope): Options.Publish {
  const { messageId, kind, enqueuedAt, traceparent } = envelope;
  return {
    messageId,
    type: kind,
    appId: "ossaat",
    contentType: "application/json",
    timestamp: Math.trunc(enqueuedAt / 1_000),
    ...(traceparent === undefined ? {} : { headers: { traceparent } }),
  };
}

class ConfirmingPublisher implements Publisher {
  readonly link: Link;
  readonly #broker: Broker;
  readonly #topology: Topology;
  #sending: Sending | undefined;
  #count = 0;

  constructor(broker: Broker, topology: Topology) {
    this.#broker = broker;
    this.#topology = topology;
    this.link = openLink(broker, {
      name: `${broker.prefix} publish`,
      onConnect: (model) => this.#connected(model),
      onLost: () => {
        this.#sending = undefined;
      },
    });
  }

  async publish(envelopes: readonly JobEnvelope[]): Promise<PublishResult[]> {
    const answers: Promise<PublishResult>[] = [];
    let hasRoom = true;
    for (const envelope of envelopes) {
      if (isTooLarge(envelope)) answers.push(Promise.resolve(refused("too_large")));
      else if (!hasRoom) answers.push(Promise.resolve(refused(this.#whyFull())));
      else {
        const content = Buffer.from(JSON.stringify(envelope));
        answers.push(this.send(jobsQueue(this.#broker, envelope.pool), content, messageOptions(envelope)));
        hasRoom = await this.#hasRoom();
      }
    }
    return Promise.all(answers);
  }

  #whyFull(): "blocked" | "unavailable" {
    return this.link.blocked === undefined ? "unavailable" : "blocked";
  }

  /** NOTE: a broker that reads no more, as under an alarm, makes no room until it reads again. */
  async #hasRoom(): Promise<boolean> {
    const drained = this.#sending?.drained;
    if (drained === undefined) return true;
    const over = new AbortController();
    const overdue = sleep(this.#broker.tuning.confirmMs, undefined, { signal: over.signal }).catch(() => undefined);
    const hasRoom = await Promise.race([drained.then(() => true), overdue]);
    over.abort();
    return hasRoom ?? false;
  }

  async send(queue: string, content: Buffer, options: Options.Publish): Promise<PublishResult> {
    if (this.link.blocked !== undefined) return refused("blocked");
    const sending = this.#sending;
    if (sending === undefined) return refused("unavailable");
    const answered = new AbortController();
    const overdue = sleep(this.#broker.tuning.confirmMs, undefined, { signal: answered.signal }).catch(() => undefined);
    try {
      const answer = await Promise.race([this.#confirmed(sending, queue, { content, options }), overdue]);
      return answer ?? this.#giveUp(sending);
    } finally {
      answered.abort();
    }
  }

  /**
   * NOTE: a channel that was opened while a quorum queue still recovered from a crash may never confirm
   * anything, although it works otherwise; only a new one does.
   */
  #giveUp(sending: Sending): PublishResult {
    if (this.#sending === sending && this.link.blocked === undefined) this.link.reset();
    return refused("unavailable");
  }

  close(): Promise<void> {
    this.#sending = undefined;
    return this.link.close();
  }

  async #connected(model: ChannelModel): Promise<void> {
    await this.#topology.declareAll(model);
    const channel = await model.createConfirmChannel();
    const returned = new Set<string>();
    channel.on("error", (error) => this.#broker.onError(error));
    channel.on("close", () => {
      if (this.#sending?.channel === channel) this.link.reset();
    });
    channel.on("return", (message: Message) => returned.add(String(message.properties.correlationId)));
    this.#sending = { channel, returned };
  }

  #awaitRoom(sending: Sending): void {
    sending.drained ??= nextDrain(sending.channel).finally(() => {
      sending.drained = undefined;
    });
  }

  #confirmed(
    sending: Sending,
    queue: string,
    { content, options }: { content: Buffer; options: Options.Publish },
  ): Promise<PublishResult> {
    this.#count += 1;
    const correlationId = String(this.#count);
    const { channel, returned } = sending;
    return new Promise<PublishResult>((resolve) => {
      const answered = (error: unknown) => {
        const cameBack = returned.delete(correlationId);
        if (error instanceof Error) resolve(refused(error.message === "message nacked" ? "refused" : "unavailable"));
        else resolve(cameBack ? refused("unroutable") : { accepted: true });
      };
      try {
        const all = { ...options, correlationId, persistent: true, mandatory: true };
        const hasRoom = channel.publish("", queue, content, all, answered);
        if (!hasRoom) this.#awaitRoom(sending);
      } catch {
        // The channel closed a moment ago.
        resolve(refused("unavailable"));
      }
    });
  }
}

function nextDrain(channel: ConfirmChannel): Promise<void> {
  return new Promise((resolve) => {
    channel.once("drain", () => resolve());
    channel.once("close", () => resolve());
  });
}

export function createPublisher(broker: Broker, topology: Topology): Publisher {
  return new ConfirmingPublisher(broker, topology);
}
