// Entry of the CLI.
import { runProgram } from "./program.ts";

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // The reader of a pipe left (`ossaat runs | head`): there is nobody to write to.
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

process.exit(await runProgram(process.argv.slice(2)));
