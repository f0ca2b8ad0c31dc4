// Ctrl+C while something is watched: the server goes on, the watching ends; a second Ctrl+C
// does what the command offers for it (cancelling the run).
import { exitCodes } from "@ossaat/contracts";

import type { CommandContext } from "../command-context.ts";
import { reportError } from "../terminal/output.ts";

/** Time in which a second Ctrl+C counts as one, ms. */
const secondPressMs = 3_000;

export type InterruptOptions = {
  /** What the first Ctrl+C says. */
  hint?: () => string;
  /** What the second one does. */
  onSecond?: () => Promise<void>;
};

/** Ends the process with 130 (SIGINT) or 143 (SIGTERM) when a signal comes. */
export async function withInterrupt<T>(
  context: CommandContext,
  work: (signal: AbortSignal) => Promise<T>,
  { hint, onSecond }: InterruptOptions = {},
): Promise<T> {
  const controller = new AbortController();
  let presses = 0;
  const leave = (code: number) => {
    context.output.clearLive();
    controller.abort();
    process.exit(code);
  };
  const onInterrupt = () => {
    presses += 1;
    if (presses === 1) {
      context.output.warn(`\n${hint?.() ?? "Stopped watching; the server goes on."}`);
      if (onSecond === undefined) leave(exitCodes.interrupted);
      else setTimeout(() => leave(exitCodes.interrupted), secondPressMs).unref();
      return;
    }
    const done = onSecond?.() ?? Promise.resolve();
    done.then(
      () => leave(exitCodes.interrupted),
      (error: unknown) => {
        reportError(error, context.output);
        leave(exitCodes.interrupted);
      },
    );
  };
  const onTerminate = () => leave(exitCodes.terminated);
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onTerminate);
  try {
    return await work(controller.signal);
  } finally {
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onTerminate);
  }
}
