// Whether a person agrees to what cannot be taken back, asked at the terminal or answered by --yes.
import { AgentError } from "@ossaat/contracts/errors";

import type { CommandContext } from "../command-context.ts";
import { choose } from "./prompt.ts";

export type Confirmation = {
  question: string;
  /** The command line says yes already. */
  isYes: boolean;
  /** Command that needs no answer. */
  next: string;
};

/** @throws AgentError cancelled (no), invalid_input where nobody can be asked */
export async function confirm({ output }: CommandContext, { question, isYes, next }: Confirmation): Promise<void> {
  if (isYes) return;
  if (!output.isInteractive) {
    throw new AgentError("invalid_input", `Nobody is here to ask: ${question}`, { details: { next } });
  }
  const choices = [
    { value: "yes", label: "Yes" },
    { value: "no", label: "No", hint: "nothing changes" },
  ] as const;
  if ((await choose(output, { message: question, choices, initial: "no" })) === "yes") return;
  throw new AgentError("cancelled", "Nothing was changed.", { details: { next } });
}
