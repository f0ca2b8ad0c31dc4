// The goal of a plan: from the command line, or from standard input.
import { AgentError, Goal } from "@ossaat/contracts";

/** Bytes of standard input read before giving up: far more than a goal may have. */
const maxBytes = 1024 * 1024;

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) break;
  }
  return Buffer.concat(chunks).toString("utf8");
}

/**
 * @param words what was typed; `-` or nothing with a pipe reads standard input
 * @throws AgentError invalid_input (empty, too long, control characters)
 */
export async function readGoal(words: readonly string[]): Promise<string> {
  const piped = words.length === 0 ? !process.stdin.isTTY : words.length === 1 && words[0] === "-";
  const parsed = Goal.safeParse(piped ? await readInput() : words.join(" "));
  if (parsed.success) return parsed.data;
  const text = parsed.error.issues[0]?.message ?? "the goal cannot be used";
  throw new AgentError("invalid_input", `${text.charAt(0).toUpperCase()}${text.slice(1)}.`, {
    details: { next: 'ossaat plan "Reject negative amounts in parsePrice"' },
  });
}
