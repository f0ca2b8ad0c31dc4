// The turn journal as one file of JSON lines a turn, owner-only. Not synced: it outlives the
// process, which is its purpose, and may lose its tail when the machine itself stops.
import { closeSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync, writeSync } from "node:fs";
import path from "node:path";

import { PlanId, StepId } from "@ossaat/contracts";
import type { StreamEvent } from "@ossaat/providers";

import { selectEnded } from "../ended-plans.ts";
import type { TurnJournal, TurnKey } from "../turn-journal.ts";

type TurnFile = { events: StreamEvent[]; isCut: boolean };

/** The whole lines of a record; a last one that was cut in the middle of its write is left out. */
function parseRecord(text: string): TurnFile {
  const lines = text.split("\n");
  const isCut = lines.pop() !== "";
  return { events: lines.map((line) => JSON.parse(line) as StreamEvent), isCut };
}

function wholeTurn(record: TurnFile | undefined): StreamEvent[] | undefined {
  return record?.isCut === false && record.events.at(-1)?.type === "finish" ? record.events : undefined;
}

function planFolders(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => PlanId.safeParse(name).success);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Does the work before it returns; its error is a rejection. */
function done<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(work());
  });
}

/** @param folder made when missing */
export function createFileTurnJournal(folder: string): TurnJournal {
  const folderOf = (planId: string) => path.join(folder, PlanId.parse(planId));
  const fileOf = ({ planId, stepId, turn }: TurnKey) =>
    path.join(folderOf(planId), `${StepId.parse(stepId)}.${turn}.jsonl`);
  const read = (key: TurnKey): TurnFile | undefined => {
    try {
      return parseRecord(readFileSync(fileOf(key), "utf8"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  };
  return {
    begin: (key) =>
      done(() => {
        mkdirSync(folderOf(key.planId), { recursive: true, mode: 0o700 });
        // NOTE: a new file, because a worker that lost its lease may still write to the old one.
        rmSync(fileOf(key), { force: true });
        const file = openSync(fileOf(key), "wx", 0o600);
        return {
          // NOTE: written at once, not in a queue of the process: that is what survives it.
          add: (event) => done(() => void writeSync(file, `${JSON.stringify(event)}\n`)),
          close: () => done(() => closeSync(file)),
        };
      }),
    delivered: (key) => done(() => wholeTurn(read(key))),
    received: (key) => done(() => read(key)?.events),
    forget: (key) => done(() => rmSync(fileOf(key), { force: true })),
    plans: () => done(() => planFolders(folder)),
    endedPlans: (reader) => selectEnded(reader, planFolders(folder)),
    forgetPlan: (planId) => done(() => rmSync(folderOf(planId), { recursive: true, force: true })),
  };
}
