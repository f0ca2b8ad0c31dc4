// A few disposable parser threads. One that aborts, hangs or has parsed much is replaced; the
// file it was busy with is then read as plain text.
import { Worker } from "node:worker_threads";

import { indexLimits } from "../limits.ts";
import type { Grammar } from "../tree/languages.ts";
import type { ParseReply } from "./parser-thread.ts";
import type { FileSymbol } from "./symbol.ts";

type Job = { grammar: Grammar; text: string; done: (symbols: FileSymbol[] | undefined) => void };

/** Beyond the parser's own limit: grammar loading, or a parser that ignores its limit. */
const hangMs = indexLimits.maxParseMs * 5;

class ParserThread {
  #worker: Worker | undefined;
  #parsedBytes = 0;
  #nextId = 1;

  /** Undefined when the file could not be parsed. */
  async parse({ grammar, text }: Pick<Job, "grammar" | "text">): Promise<FileSymbol[] | undefined> {
    if (this.#parsedBytes > indexLimits.maxParsedBytesPerThread) await this.close();
    const worker = (this.#worker ??= this.#start());
    this.#parsedBytes += text.length;
    const id = this.#nextId++;
    return new Promise((resolve) => {
      const settle = (reply: ParseReply | undefined) => {
        clearTimeout(timer);
        worker.removeAllListeners("message");
        worker.off("exit", onExit);
        if (reply === undefined || reply.error !== undefined) void this.close();
        resolve(reply?.symbols);
      };
      const onExit = () => settle(undefined);
      const timer = setTimeout(() => settle(undefined), hangMs);
      worker.on("message", (reply: ParseReply) => {
        if (reply.id === id) settle(reply);
      });
      worker.once("exit", onExit);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage({ id, grammar, text });
    });
  }

  #start(): Worker {
    const worker = new Worker(new URL("./parser-thread.ts", import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 256 },
    });
    // "exit" follows; without a listener an abort in the thread would end the process.
    worker.on("error", () => undefined);
    worker.unref();
    this.#parsedBytes = 0;
    return worker;
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}

export type ParserPool = {
  parse(grammar: Grammar, text: string): Promise<FileSymbol[] | undefined>;
  close(): Promise<void>;
};

/** Threads start when the first file comes. */
export function createParserPool(): ParserPool {
  const threads = Array.from({ length: indexLimits.parserThreads }, () => new ParserThread());
  const idle = [...threads];
  const waiting: Job[] = [];

  async function work(thread: ParserThread): Promise<void> {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) job.done(await thread.parse(job));
    idle.push(thread);
  }

  return {
    parse(grammar, text) {
      return new Promise((resolve) => {
        waiting.push({ grammar, text, done: resolve });
        const thread = idle.pop();
        if (thread !== undefined) void work(thread);
      });
    },
    async close() {
      waiting.splice(0).forEach(({ done }) => done(undefined));
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}
