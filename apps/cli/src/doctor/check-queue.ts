// The broker that the settings name, where they name one.
import { AgentError } from "@ossaat/contracts/errors";
import type { JobQueue } from "@ossaat/orchestrator";

import type { Config } from "../config.ts";
import { fail, ok, warn } from "./finding.ts";
import type { Finding } from "./finding.ts";

const id = "queue";

/** How long a stop may take that nobody needs, ms. */
const closeMs = 500;

export async function checkQueue({ queue }: Pick<Config, "queue">): Promise<Finding[]> {
  if (queue === undefined) return [];
  const errors: unknown[] = [];
  const { openBroker } = await import("@ossaat/orchestrator");
  let broker: JobQueue | undefined;
  try {
    broker = (await openBroker(queue))((error) => errors.push(error));
    await broker.ensureTopology([]);
    const { blocked, detail, next, ok: isWell } = await broker.health();
    if (!isWell) return [fail(id, detail, next ?? "start the broker")];
    return [blocked === true ? warn(id, `${detail}.`, "give the broker memory and disk") : ok(id, detail)];
  } catch (error) {
    const { message, next } = AgentError.from(error);
    const cause = errors.at(-1);
    const why = cause instanceof Error ? ` ${cause.message}` : "";
    return [fail(id, `${message}${why}`, next)];
  } finally {
    await broker?.close({ drainMs: closeMs });
  }
}
