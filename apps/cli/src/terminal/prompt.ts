// Questions to a person, on stderr. A key pressed before the question was on the screen for a
// moment does not answer it.
import { createInterface } from "node:readline/promises";
import type { Interface } from "node:readline/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { isCancel, select, text } from "@clack/prompts";

const promptLimits = {
  /** Keys pressed in this time after a question appears are dropped, ms. */
  settleMs: 500,
  /** Somebody who is still typing is not answering: so long nothing may be pressed, ms. */
  quietMs: 300,
  /** After this the question is put even to a stuck key, ms; its default decides nothing. */
  maxWaitMs: 5_000,
} as const;

const interrupt = 0x03;

/** Drops what was typed before and while the question appeared. Ctrl+C still means it. */
async function dropEarlyKeys(withdrawn: AbortSignal | undefined): Promise<void> {
  const { stdin } = process;
  const start = performance.now();
  let last = start;
  const drop = (chunk: Buffer) => {
    last = performance.now();
    if (chunk.includes(interrupt)) process.kill(process.pid, "SIGINT");
  };
  stdin.setRawMode(true);
  stdin.on("data", drop);
  stdin.resume();
  const isSettled = (now: number) =>
    withdrawn?.aborted === true ||
    now - start >= promptLimits.maxWaitMs ||
    (now - start >= promptLimits.settleMs && now - last >= promptLimits.quietMs);
  while (!isSettled(performance.now())) await sleep(20);
  stdin.off("data", drop);
  stdin.pause();
  stdin.setRawMode(false);
}

export type Choice<T extends string> = { value: T; label: string; hint?: string };

export type Question<T extends string> = {
  message: string;
  choices: readonly Choice<T>[];
  /** What an Enter alone chooses; it must decide nothing. */
  initial: T;
  /** Takes the question from the screen, as if the person had left. */
  withdrawn?: AbortSignal;
};

/** Where questions are shown; without symbols nothing is redrawn either. */
export type Screen = { wordsOnly: boolean };

/** Numbers instead of a list that is redrawn, for screen readers. */
async function chooseByNumber<T extends string>({
  message,
  choices,
  initial,
  withdrawn,
}: Question<T>): Promise<T | undefined> {
  const lines = choices.map(
    ({ label, hint }, index) => `${index + 1}: ${label}${hint === undefined ? "" : `, ${hint}`}`,
  );
  process.stderr.write(`${message}\n${lines.join("\n")}\n`);
  const reader = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    for (;;) {
      process.stderr.write(`Type a number from 1 to ${choices.length} and press Enter: `);
      const answer = await nextLine(reader, withdrawn);
      if (answer === undefined) return undefined;
      if (answer.trim() === "") return initial;
      const chosen = choices[Number(answer.trim()) - 1];
      if (chosen !== undefined) return chosen.value;
    }
  } finally {
    reader.close();
  }
}

/** Undefined at the end of what is typed, and when the question is withdrawn. */
function nextLine(reader: Interface, withdrawn: AbortSignal | undefined): Promise<string | undefined> {
  return new Promise((resolve) => {
    const leave = () => resolve(undefined);
    if (withdrawn?.aborted === true) return leave();
    withdrawn?.addEventListener("abort", leave, { once: true });
    reader.once("line", resolve);
    reader.once("close", leave);
  });
}

/** The chosen value; undefined when the person leaves with Escape or Ctrl+C, or the question is withdrawn. */
export async function choose<T extends string>(screen: Screen, question: Question<T>): Promise<T | undefined> {
  const { message, choices, initial, withdrawn } = question;
  await dropEarlyKeys(withdrawn);
  if (withdrawn?.aborted === true) return undefined;
  if (screen.wordsOnly) return chooseByNumber(question);
  const options = choices.map(({ value, label, hint }) =>
    hint === undefined ? { value, label } : { value, label, hint },
  );
  const answer = await select({
    message,
    options: options as Parameters<typeof select<T>>[0]["options"],
    initialValue: initial,
    output: process.stderr,
    ...(withdrawn === undefined ? {} : { signal: withdrawn }),
  });
  return isCancel(answer) ? undefined : answer;
}

async function askLine({ message, required, withdrawn }: TextQuestion): Promise<string | undefined> {
  const reader = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    for (;;) {
      process.stderr.write(`${message} `);
      const answer = await nextLine(reader, withdrawn);
      if (answer === undefined || answer.trim() !== "" || !required) return answer?.trim();
    }
  } finally {
    reader.close();
  }
}

export type TextQuestion = { message: string; required: boolean } & Pick<Question<string>, "withdrawn">;

/** A line of text; undefined when the person leaves, or the question is withdrawn. `required` refuses an empty one. */
export async function askText(screen: Screen, question: TextQuestion): Promise<string | undefined> {
  if (screen.wordsOnly) return askLine(question);
  const { message, required, withdrawn } = question;
  const answer = await text({
    message,
    output: process.stderr,
    ...(withdrawn === undefined ? {} : { signal: withdrawn }),
    validate: (value) => (required && (value ?? "").trim() === "" ? "Say it in a few words." : undefined),
  });
  return isCancel(answer) ? undefined : answer.trim();
}
