// Counts, from the scripted model's durable log, how often each turn was bought.
import { readFile } from "node:fs/promises";

export type TurnCounts = { delivered: number; boughtTwice: number };

type Line = { event: string; planId: string; stepId: string; turn: number };

/** A turn that was delivered and asked for again afterwards counts as bought twice. */
export async function countTurns(requestLog: string): Promise<TurnCounts> {
  const text = await readFile(requestLog, "utf8");
  const lines = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
  const delivered = new Set<string>();
  let boughtTwice = 0;
  for (const { event, planId, stepId, turn } of lines) {
    const key = `${planId} ${stepId} ${turn}`;
    if (event === "request.started" && delivered.has(key)) boughtTwice += 1;
    if (event === "request.delivered") delivered.add(key);
  }
  return { delivered: delivered.size, boughtTwice };
}
