// search_text: matches with path, line number and line. The pattern runs in a worker thread that
// is ended when it takes too long, so no expression can hold the runner.
import { Worker } from "node:worker_threads";

import { AgentError, toolLimits } from "@ossaat/contracts";

import { linePath } from "../git/git.ts";
import { searchLimits } from "./limits.ts";
import { listTracked } from "./list-tracked.ts";
import { isBinary } from "./text-file.ts";
import type { Tool } from "./tool.ts";

function compile(pattern: string, isRegex: boolean): string {
  const source = isRegex ? pattern : pattern.replace(/[\\^$.*+?()[\]{}|/]/gu, String.raw`\$&`);
  try {
    void new RegExp(source, "u");
    return source;
  } catch (error) {
    const why = error instanceof Error ? error.message : "";
    throw new AgentError("invalid_input", `The pattern is not a regular expression: ${why}`);
  }
}

type SearchJob = { source: string; flags: string; maxLineChars: number; maxMatches: number };
type SearchMatch = { path: string; line: number; text: string };

// As text, so that the runner works as one bundled file, too.
const workerSource = `
const { parentPort, workerData: job } = require("node:worker_threads");
const pattern = new RegExp(job.source, job.flags);
const shorten = (line) => (line.length > job.maxLineChars ? line.slice(0, job.maxLineChars) + "\u2026" : line);
parentPort.on("message", ({ path, text }) => {
  const matches = [];
  text.split("\\n").forEach((line, index) => {
    if (matches.length > job.maxMatches || !pattern.test(line)) return;
    matches.push({ path, line: index + 1, text: shorten(line.replace(/\\r$/u, "")) });
  });
  parentPort.postMessage(matches);
});`;

/** One worker for one search: files go in one by one, matches come back. */
function startWorker(job: SearchJob) {
  const resourceLimits = { maxOldGenerationSizeMb: 256 };
  const worker = new Worker(workerSource, { eval: true, workerData: job, env: {}, resourceLimits });
  const failed = new Promise<never>((_resolve, reject) => {
    worker.once("error", (error) => reject(new AgentError("tool_failed", "The search failed.", { cause: error })));
  });
  failed.catch(() => undefined);
  const search = (path: string, text: string): Promise<SearchMatch[]> => {
    const answer = new Promise<SearchMatch[]>((resolve) => worker.once("message", resolve));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage({ path, text });
    return Promise.race([answer, failed]);
  };
  return { search, stop: () => worker.terminate() };
}

export const searchText: Tool<"search_text"> = async (context, input) => {
  const flags = input.caseSensitive ? "u" : "iu";
  const source = compile(input.pattern, input.regex);
  const paths = await listTracked(context, { folder: ".", glob: input.glob });
  const worker = startWorker({
    source,
    flags,
    maxLineChars: searchLimits.maxLineChars,
    maxMatches: toolLimits.maxMatches,
  });
  const givenUp = Promise.withResolvers<never>();
  givenUp.promise.catch(() => undefined);
  const timer = setTimeout(() => {
    const message = `The search took longer than ${searchLimits.timeoutMs / 1000} s; use a simpler pattern or a glob.`;
    givenUp.reject(new AgentError("limit_exceeded", message));
  }, searchLimits.timeoutMs);
  const onAbort = (): void => givenUp.reject(new AgentError("cancelled", "The call was cancelled."));
  context.signal.addEventListener("abort", onAbort, { once: true });
  const found: SearchMatch[] = [];
  let skipped = 0;
  try {
    for (const path of paths) {
      context.signal.throwIfAborted();
      const file = await context.files.read(path, searchLimits.maxFileBytes).catch((error: unknown) => {
        // Links, deleted or overlong files hold nothing to search; anything else is a real failure.
        if (!(error instanceof AgentError)) throw error;
        if (error.code === "limit_exceeded") skipped += 1;
        return undefined;
      });
      if (file === undefined || isBinary(file.data)) continue;
      found.push(...(await Promise.race([worker.search(path, file.data.toString("utf8")), givenUp.promise])));
      if (found.length > toolLimits.maxMatches) break;
    }
  } finally {
    clearTimeout(timer);
    context.signal.removeEventListener("abort", onAbort);
    await worker.stop();
  }
  return describe(found, skipped);
};

function describe(found: readonly SearchMatch[], skipped: number) {
  const shown = found.slice(0, toolLimits.maxMatches);
  const rows: string[] = [];
  let bytes = 0;
  for (const match of shown) {
    const row = `${linePath(match.path)}:${match.line}: ${match.text}`;
    bytes += Buffer.byteLength(row) + 1;
    if (bytes > toolLimits.maxReadBytes) break;
    rows.push(row);
  }
  const notes: string[] = [];
  if (rows.length < found.length) notes.push(`(only the first ${rows.length} matches are shown)`);
  if (skipped > 0) notes.push(`(${skipped} files over ${searchLimits.maxFileBytes} bytes were not searched)`);
  const text = rows.length === 0 ? ["No matches.", ...notes].join("\n") : [...rows, ...notes].join("\n");
  return { summary: `${rows.length} matches`, output: { text } };
}
