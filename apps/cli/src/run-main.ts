// The CLI from its words to its exit code.
import { writeSync } from "node:fs";

import { AgentError, exitCodes } from "@ossaat/contracts/errors";

import { runProgram } from "./run-program.ts";

/** What was written may still wait in this process when the reader is slow. */
function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write("", () => resolve());
  });
}

/** The last word on stderr, past a stream that may wait. */
function tellUnwritable(cause: NodeJS.ErrnoException): void {
  const error = new AgentError("conflict", `The output cannot be written (${cause.code ?? "unknown"}).`, {
    details: { next: "`df -h` shows where there is room; then run the command again" },
    cause,
  });
  try {
    writeSync(2, `ossaat: ${error.message}\nFault: ${error.fault}\nNext: ${error.next}\n`);
  } catch {
    // Neither of both can be written: the exit code says it alone.
  }
}

/** Runs the command line of this process and ends it. */
export async function runMain(): Promise<void> {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // The reader of a pipe left (`ossaat runs | head`). What was asked for may not be done yet, so this is no 0.
    if (error.code === "EPIPE") process.exit(exitCodes.brokenPipe);
    tellUnwritable(error);
    process.exit(exitCodes.internal);
  });
  // Nobody reads progress and hints any more: what was asked for is done without them.
  process.stderr.on("error", () => undefined);
  const exitCode = await runProgram(process.argv.slice(2));
  await flush(process.stdout);
  await flush(process.stderr);
  process.exit(exitCode);
}
