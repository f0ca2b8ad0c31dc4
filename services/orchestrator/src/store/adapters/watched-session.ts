// A session of its own with the server, for what a session carries: a lock, or what it listens to. It
// is asked again and again whether it lives, because a network that swallows everything says nothing.
import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { Client } from "pg";

import { postgresLimits } from "../limits.ts";
import { translatePostgresError } from "./postgres-errors.ts";
import { connectionConfig } from "./postgres-pool.ts";

export type WatchedSession = {
  client: Client;
  /** Resolves when the session is of no more use, whoever ended it. */
  lost: Promise<void>;
  /** Ends it. A server that is out of reach is not waited for. */
  end(): Promise<void>;
};

export type WatchOptions = {
  /** The statement it is asked by; harmless as often as it is said. */
  question?: string;
  watchMs?: number;
  watchAnswerMs?: number;
};

/**
 * Connects to the server at `url`.
 * @throws AgentError unavailable
 */
export async function openWatchedSession(url: string, options: WatchOptions = {}): Promise<WatchedSession> {
  const { question = "select 1", watchMs, watchAnswerMs } = { ...postgresLimits, ...options };
  // NOTE: in hand, because a client says goodbye to the server before it lets go of its socket.
  const socket = new Socket();
  const client = new Client({ ...connectionConfig(url, postgresLimits), stream: () => socket });
  const { promise: lost, resolve } = Promise.withResolvers<void>();
  client.on("error", () => resolve());
  client.on("end", () => resolve());
  const ending = new AbortController();
  const pause = (ms: number) => sleep(ms, undefined, { ref: false, signal: ending.signal }).catch(() => undefined);
  const end = async () => {
    ending.abort();
    const answered = new AbortController();
    const late = sleep(postgresLimits.goodbyeMs, undefined, { signal: answered.signal }).catch(() => undefined);
    await Promise.race([client.end().catch(() => undefined), late]);
    answered.abort();
    socket.destroy();
    resolve();
  };
  const isAlive = async () => {
    const answer = client.query(question).then(
      () => true,
      () => false,
    );
    return Promise.race([answer, pause(watchAnswerMs).then(() => false)]);
  };
  const watch = async () => {
    for (;;) {
      await pause(watchMs);
      if (ending.signal.aborted) return;
      if (!(await isAlive())) break;
    }
    socket.destroy();
    resolve();
  };
  try {
    await client.connect();
  } catch (error) {
    await end();
    throw translatePostgresError(error);
  }
  void watch();
  return { client, lost, end };
}
