// Questions to a person, on stderr. A key pressed before the question was on the screen for a
// moment does not answer it.
import { setTimeout as sleep } from "node:timers/promises";

import { isCancel, select, text } from "@clack/prompts";

/** Keys pressed in this time after a question appears are dropped, ms. */
const settleMs = 500;

async function dropEarlyKeys(): Promise<void> {
  const { stdin } = process;
  const drop = () => undefined;
  stdin.setRawMode(true);
  stdin.on("data", drop);
  stdin.resume();
  await sleep(settleMs);
  stdin.off("data", drop);
  stdin.pause();
  stdin.setRawMode(false);
}

export type Choice<T extends string> = { value: T; label: string; hint?: string };

/** The chosen value; undefined when the person leaves with Escape or Ctrl+C. */
export async function choose<T extends string>(
  message: string,
  choices: readonly Choice<T>[],
  initial: T,
): Promise<T | undefined> {
  await dropEarlyKeys();
  const options = choices.map(({ value, label, hint }) =>
    hint === undefined ? { value, label } : { value, label, hint },
  );
  const answer = await select({
    message,
    options: options as Parameters<typeof select<T>>[0]["options"],
    initialValue: initial,
    output: process.stderr,
  });
  return isCancel(answer) ? undefined : answer;
}

/** A line of text; undefined when the person leaves. `required` refuses an empty one. */
export async function askText(message: string, { required }: { required: boolean }): Promise<string | undefined> {
  const answer = await text({
    message,
    output: process.stderr,
    validate: (value) => (required && (value ?? "").trim() === "" ? "Say it in a few words." : undefined),
  });
  return isCancel(answer) ? undefined : answer.trim();
}
