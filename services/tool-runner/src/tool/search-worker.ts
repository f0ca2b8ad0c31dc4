// Runs one pattern over texts, in a thread of its own: the runner ends the thread when the
// pattern does not come to an end.
import { parentPort, workerData } from "node:worker_threads";

export type SearchJob = { source: string; flags: string; maxLineChars: number; maxMatches: number };
export type SearchMatch = { path: string; line: number; text: string };

const port = parentPort;
if (port !== null) {
  const job = workerData as SearchJob;
  const pattern = new RegExp(job.source, job.flags);
  const shorten = (line: string): string =>
    line.length > job.maxLineChars ? `${line.slice(0, job.maxLineChars)}…` : line;

  port.on("message", ({ path, text }: { path: string; text: string }) => {
    const matches: SearchMatch[] = [];
    text.split("\n").forEach((line, index) => {
      if (matches.length <= job.maxMatches && pattern.test(line)) {
        matches.push({ path, line: index + 1, text: shorten(line.replace(/\r$/u, "")) });
      }
    });
    port.postMessage(matches);
  });
}
