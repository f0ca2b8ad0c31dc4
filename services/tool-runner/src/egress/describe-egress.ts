// What a model is told of requests that did not go through.
import type { EgressRecord } from "@ossaat/contracts";

import { reasonText } from "./run-context.ts";

/** Lines of the result a model reads; the rest is in the record. */
const maxLines = 10;

function describe({ host, port, method, path = "", reason, count }: EgressRecord): string {
  const where = port === 0 ? host : `${host}:${port}`;
  const times = count === 1 ? "" : ` (${count} times)`;
  return `- ${method} ${where}${path}${times}: ${reason === undefined ? "" : reasonText(reason)}`;
}

/** Text for the end of a result's head; empty when everything asked for went through. */
export function egressNote(records: readonly EgressRecord[]): string {
  // Programs that ask without the password first are told of it and come again.
  const failed = records.filter(({ reason }) => reason !== undefined && reason !== "unauthenticated");
  if (failed.length === 0) return "";
  const lines = failed.slice(0, maxLines).map(describe);
  const more = failed.length > maxLines ? [`- and ${failed.length - maxLines} more`] : [];
  const isUnlisted = failed.some(({ reason }) => reason?.endsWith("_listed") === true);
  const hint = isUnlisted
    ? ["To reach more than the step's list names, call run_command again with `hosts`: a person is asked."]
    : [];
  return ["\nThese requests to the network did not go through:", ...lines, ...more, ...hint].join("\n");
}
