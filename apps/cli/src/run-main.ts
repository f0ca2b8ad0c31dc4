// The CLI from its words to its exit code.
import { exitCodes } from "@ossaat/contracts/errors";

import { runProgram } from "./program.ts";

/** What was written may still wait in this process when the reader is slow. */
function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write("", () => resolve());
  });
}

/** Runs the command line of this process and ends it. */
export async function runMain(): Promise<void> {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // The reader of a pipe left (`ossaat runs | head`). What was asked for may not be done yet, so this is no 0.
    process.exit(error.code === "EPIPE" ? exitCodes.brokenPipe : exitCodes.internal);
  });
  const exitCode = await runProgram(process.argv.slice(2));
  await flush(process.stdout);
  await flush(process.stderr);
  process.exit(exitCode);
}
