// The turn journal as one file of JSON lines a turn, owner-only. Not synced: it outlives the
// process, which is its purpose, and may lose its tail when the machine itself stops.
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import path from "node:path";

import { PlanId, StepId } from "@ossaat/contracts";
import type { StreamEvent } from "@ossaat/providers";

import type { TurnJournal, TurnKey } from "../turn-journal.ts";

function parseLines(text: string): StreamEvent[] | undefined {
  const lines = text.split("\n");
  // A file that does not end with a line feed was cut in the middle of a write.
  if (lines.pop() !== "") return undefined;
  return lines.map((line) => JSON.parse(line) as StreamEvent);
}

/** @param folder made when missing */
export function createFileTurnJournal(folder: string): TurnJournal {
  const folderOf = (planId: string) => path.join(folder, PlanId.parse(planId));
  const fileOf = ({ planId, stepId, turn }: TurnKey) =>
    path.join(folderOf(planId), `${StepId.parse(stepId)}.${turn}.jsonl`);
  return {
    begin(key) {
      mkdirSync(folderOf(key.planId), { recursive: true, mode: 0o700 });
      const file = openSync(fileOf(key), "w", 0o600);
      return {
        add: (event) => void writeSync(file, `${JSON.stringify(event)}\n`),
        close: () => closeSync(file),
      };
    },
    delivered(key) {
      let text: string;
      try {
        text = readFileSync(fileOf(key), "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
      const events = parseLines(text);
      return events?.at(-1)?.type === "finish" ? events : undefined;
    },
    forget: (key) => rmSync(fileOf(key), { force: true }),
    forgetPlan: (planId) => rmSync(folderOf(planId), { recursive: true, force: true }),
  };
}
