// Wake-ups between processes on one database, by LISTEN and NOTIFY. What is lost while a connection
// is down is found by the polls; nothing is decided by a wake-up.
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { postgresLimits } from "../limits.ts";
import type { Wakes } from "../store.ts";
import { openWatchedSession } from "./watched-session.ts";
import type { WatchedSession } from "./watched-session.ts";

const channel = "ossaat_wake";

/** Said again as the question whether the session lives. */
const listen = `listen ${channel}`;

export type PostgresWakes = Wakes & { close(): Promise<void> };

/** Splits topics into notifications, each below the server's limit. */
function payloads(sender: string, topics: ReadonlySet<string>): string[] {
  const found: string[] = [];
  let payload = sender;
  for (const topic of topics) {
    if (Buffer.byteLength(payload) + Buffer.byteLength(topic) >= postgresLimits.maxWakeBytes) {
      found.push(payload);
      payload = sender;
    }
    payload += `\n${topic}`;
  }
  return [...found, payload];
}

class ListeningWakes implements PostgresWakes {
  readonly #url: string;
  readonly #sender = randomBytes(6).toString("hex");
  readonly #listeners = new Set<(topic: string) => void>();
  /** Topics of the next notification: a burst becomes one, because each takes a lock of the whole server. */
  #waiting = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  /** What is being sent: topics arrive in the order in which they were said. */
  #sending: Promise<void> = Promise.resolve();
  #session: WatchedSession | undefined;
  #closed = false;
  readonly #running: Promise<void>;

  constructor(url: string) {
    this.#url = url;
    this.#running = this.#listen();
  }

  send(topic: string): void {
    if (this.#closed) return;
    this.#waiting.add(topic);
    this.#timer ??= setTimeout(() => this.#flush(), postgresLimits.wakeMs);
  }

  isListening(): boolean {
    return this.#session !== undefined;
  }

  onWake(listener: (topic: string) => void): void {
    this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#session?.end();
    await this.#running;
  }

  #flush(): void {
    const topics = this.#waiting;
    this.#waiting = new Set();
    this.#timer = undefined;
    this.#sending = this.#sending.then(() => this.#notify(topics));
  }

  async #notify(topics: ReadonlySet<string>): Promise<void> {
    try {
      for (const payload of payloads(this.#sender, topics)) {
        await this.#session?.client.query("select pg_notify($1, $2)", [channel, payload]);
      }
    } catch {
      // The connection is down, which the listening notices as well; the others poll.
    }
  }

  #hear(payload: string): void {
    const [sender, ...topics] = payload.split("\n");
    if (sender === this.#sender) return;
    for (const topic of topics) for (const listener of this.#listeners) listener(topic);
  }

  /** Connects and listens, again and again until closed. */
  async #listen(): Promise<void> {
    while (!this.#closed) {
      let session: WatchedSession | undefined;
      try {
        session = await openWatchedSession(this.#url, { question: listen });
        session.client.on("notification", ({ payload = "" }) => this.#hear(payload));
        await session.client.query(listen);
        this.#session = session;
        // NOTE: who closed while it connected had no session to end.
        if (!this.#closed) await session.lost;
      } catch {
        // Out of reach: what matters is found by the polls, and the next try may succeed.
      }
      this.#session = undefined;
      await session?.end();
      if (!this.#closed) await sleep(postgresLimits.relistenMs, undefined, { ref: false });
    }
  }
}

/** Listens on the database at `url` until closed. */
export function openPostgresWakes(url: string): PostgresWakes {
  return new ListeningWakes(url);
}
