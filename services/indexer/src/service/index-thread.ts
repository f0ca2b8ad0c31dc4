// Entry of the index thread: answers calls with the handlers.
import { parentPort, workerData } from "node:worker_threads";

import { AgentError } from "@ossaat/contracts";
import type { ErrorCode, ErrorDetails } from "@ossaat/contracts";

import { createIndexHandlers } from "./index-handlers.ts";
import type { Indexer } from "./index-handlers.ts";

export type CallName = Exclude<keyof Indexer, "close">;

export type ThreadCall = { id: number; method: CallName | "close"; request: unknown };

export type ThreadAnswer =
  | { id: number; ok: true; value: unknown }
  | { id: number; ok: false; error: { code: ErrorCode; message: string; details: ErrorDetails; stack?: string } };

type Method = (request: unknown) => Promise<unknown>;

const handlers = createIndexHandlers(workerData as { cacheDir: string });

async function answer({ id, method, request }: ThreadCall): Promise<ThreadAnswer> {
  try {
    return { id, ok: true, value: await (handlers[method] as Method)(request) };
  } catch (thrown) {
    const { code, message, details, cause } = AgentError.from(thrown);
    const stack = cause instanceof Error ? cause.stack : undefined;
    return { id, ok: false, error: { code, message, details, ...(stack === undefined ? {} : { stack }) } };
  }
}

async function reply(call: ThreadCall): Promise<void> {
  const message = await answer(call);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(message);
}

parentPort?.on("message", (call: ThreadCall) => void reply(call));
