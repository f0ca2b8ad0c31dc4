// A durable record of which turns were asked for and which were completely delivered: the
// proof, across kills, that no finished turn is asked for twice.
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";

import type { RequestMetadata } from "../spec.ts";

export type RequestLogLine = {
  event: "request.started" | "request.delivered";
  planId: string;
  stepId: string;
  agent: string;
  turn: number;
  requestAttempt: number;
};

/** Appends one line and waits until it is on the disk. */
export function appendRequestLog(path: string, event: RequestLogLine["event"], metadata: RequestMetadata): void {
  const { planId, stepId, agent, turn, requestAttempt } = metadata;
  const line: RequestLogLine = { event, planId, stepId, agent, turn, requestAttempt };
  const file = openSync(path, "a", 0o600);
  try {
    writeSync(file, `${JSON.stringify(line)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
