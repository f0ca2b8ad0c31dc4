// Entry of a parser thread: one request at a time, answered in order.
import { parentPort } from "node:worker_threads";

import type { Grammar } from "../tree/languages.ts";
import { parseSymbols } from "./parse-symbols.ts";
import type { FileSymbol } from "./symbol.ts";

export type ParseRequest = { id: number; grammar: Grammar; text: string };
export type ParseReply = { id: number; symbols?: FileSymbol[] | undefined; error?: string };

async function answer({ id, grammar, text }: ParseRequest): Promise<ParseReply> {
  try {
    return { id, symbols: await parseSymbols(grammar, text) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}

async function answerAfter(before: Promise<void>, request: ParseRequest): Promise<void> {
  await before;
  const reply = await answer(request);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(reply);
}

let last: Promise<void> = Promise.resolve();
parentPort?.on("message", (request: ParseRequest) => {
  last = answerAfter(last, request);
});
