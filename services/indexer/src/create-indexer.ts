// The index service behind a thread of its own, so that indexing never holds up the caller.
import { Worker } from "node:worker_threads";

import { AgentError } from "@ossaat/contracts";
import type { CallOptions } from "@ossaat/contracts";

import type { Indexer } from "./service/index-handlers.ts";
import type { CallName, ThreadAnswer, ThreadCall } from "./service/index-thread.ts";

export type IndexerOptions = {
  /** Folder for parse results; made when missing, safe to delete while nothing runs. */
  cacheDir: string;
  /** Heap of the index thread in MiB. */
  maxHeapMb?: number;
};

const defaultHeapMb = 2_048;

type Waiting = { resolve(value: unknown): void; reject(error: AgentError): void };

class IndexThread {
  readonly #options: IndexerOptions;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #nextId = 1;
  #isClosed = false;

  constructor(options: IndexerOptions) {
    this.#options = options;
  }

  call(method: CallName | "close", request: unknown, signal?: AbortSignal): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(new AgentError("unavailable", "The index is closed."));
    if (signal?.aborted === true) return Promise.reject(new AgentError("cancelled", "The call was cancelled."));
    const worker = (this.#worker ??= this.#start());
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      // The work goes on for others who wait for the same commit; only this caller leaves.
      const onAbort = () => {
        this.#take(id)?.reject(new AgentError("cancelled", "The call was cancelled."));
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      const leave = () => signal?.removeEventListener("abort", onAbort);
      this.#waiting.set(id, {
        resolve: (value) => (leave(), resolve(value)),
        reject: (error) => (leave(), reject(error)),
      });
      worker.ref();
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage({ id, method, request } satisfies ThreadCall);
    });
  }

  async close(): Promise<void> {
    if (this.#worker !== undefined && !this.#isClosed) await this.call("close", undefined);
    this.#isClosed = true;
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  #start(): Worker {
    const worker = new Worker(new URL("./service/index-thread.ts", import.meta.url), {
      workerData: { cacheDir: this.#options.cacheDir },
      resourceLimits: { maxOldGenerationSizeMb: this.#options.maxHeapMb ?? defaultHeapMb },
    });
    worker.on("message", (answer: ThreadAnswer) => this.#settle(answer));
    worker.on("error", (error) => this.#fail(worker, error));
    worker.on("exit", () => this.#fail(worker));
    return worker;
  }

  #settle(answer: ThreadAnswer): void {
    const waiting = this.#take(answer.id);
    if (waiting === undefined) return;
    if (answer.ok) return waiting.resolve(answer.value);
    const { code, message, details, stack } = answer.error;
    return waiting.reject(new AgentError(code, message, { details, cause: stack }));
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker?.unref();
    return waiting;
  }

  /** The thread is gone: callers are told, the next call starts a new one. */
  #fail(worker: Worker, cause?: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const message = "The index thread ended: it will be started again; try the call once more.";
    for (const id of this.#waiting.keys()) this.#take(id)?.reject(new AgentError("unavailable", message, { cause }));
  }
}

/** Starts nothing until the first call. The caller closes it. */
export function createIndexer(options: IndexerOptions): Indexer {
  const thread = new IndexThread(options);
  const method =
    <N extends CallName>(name: N) =>
    (request: unknown, call?: CallOptions) =>
      thread.call(name, request, call?.signal) as ReturnType<Indexer[N]>;
  return {
    profile: method("profile"),
    search: method("search"),
    findSymbols: method("findSymbols"),
    outline: method("outline"),
    listPaths: method("listPaths"),
    readFile: method("readFile"),
    status: method("status"),
    close: () => thread.close(),
  };
}
