// The broker that the settings name, where they name one.
import type { JobQueue } from "@ossaat/orchestrator";

import type { Config } from "../config.ts";
import { fail, failOf, nextOf, ok, warn } from "./finding.ts";
import type { Finding } from "./finding.ts";

const id = "queue";

/** How long a stop may take that nobody needs, ms. */
const closeMs = 500;

export async function checkQueue({ queue }: Pick<Config, "queue">): Promise<Finding[]> {
  if (queue === undefined) return [];
  const start = `start the broker at ${queue.url}, or name another: \`ossaat config set queue ADDRESS\``;
  const errors: unknown[] = [];
  const { openBroker } = await import("@ossaat/orchestrator");
  let broker: JobQueue | undefined;
  try {
    broker = (await openBroker(queue))((error) => errors.push(error));
    await broker.ensureTopology([]);
    const { blocked, detail, next, ok: isWell } = await broker.health();
    if (!isWell) return [fail(id, detail, nextOf(next, start))];
    return [blocked === true ? warn(id, `${detail}.`, "give the broker memory and disk") : ok(id, detail)];
  } catch (error) {
    const found = failOf(id, error, start);
    const cause = errors.at(-1);
    const why = cause instanceof Error && cause.message !== found.message ? ` ${cause.message}` : "";
    return [{ ...found, message: `${found.message}${why}` }];
  } finally {
    await broker?.close({ drainMs: closeMs });
  }
}
