// The state folder and its database.
import { closeSync, existsSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";

import type { Config } from "../config.ts";
import { runningClient } from "../server/connect.ts";
import { existingParent } from "./check-machine.ts";
import { fail, failOf, ok, warn } from "./finding.ts";
import type { Finding } from "./finding.ts";

/** Finds out whether a folder, or what is there of the way to it, can be written. */
function checkWritable(id: string, place: string, next: string): Finding | undefined {
  let probe: string | undefined;
  try {
    probe = mkdtempSync(path.join(place, ".ossaat-doctor-"));
    writeFileSync(path.join(probe, "probe"), "x");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown";
    return fail(id, `${place} cannot be written (${code}).`, next);
  } finally {
    // Also where the disk was full: a folder can still be made when a file cannot.
    if (probe !== undefined) rmSync(probe, { recursive: true, force: true });
  }
  return undefined;
}

/** What is kept to be quick: no server starts without it. */
export function checkCacheFolder({ cacheDir }: Config): Finding {
  const id = "cache folder";
  const place = existingParent(cacheDir);
  return checkWritable(id, place, `export XDG_CACHE_HOME=FOLDER, or mend ${place}`) ?? ok(id, cacheDir);
}

export function checkStateFolder({ stateDir }: Config): Finding {
  const id = "state folder";
  const place = existingParent(stateDir);
  const problem = checkWritable(id, place, `ossaat config set stateDir FOLDER, or mend ${place}`);
  if (problem !== undefined) return problem;
  if (place !== stateDir) return ok(id, `${stateDir}, made at the first command`);
  const { mode } = statSync(stateDir);
  if ((mode & 0o077) !== 0) return warn(id, `${stateDir} is open to other users.`, `chmod 700 ${stateDir}`);
  return ok(id, stateDir);
}

const id = "database";

function schemaText({ schema, isCurrent }: { schema: string; isCurrent: boolean }): string {
  return `schema ${schema}${isCurrent ? "" : ", brought up to date at the next start"}`;
}

/** First bytes of a database of SQLite. */
const magic = "SQLite format 3\0";

function hasMagic(file: string): boolean {
  const bytes = Buffer.alloc(magic.length);
  const handle = openSync(file, "r");
  try {
    return readSync(handle, bytes) === 0 || bytes.toString("latin1") === magic;
  } finally {
    closeSync(handle);
  }
}

/** A server answers from memory for a while when its file is gone bad, so that both are looked at. */
async function checkServed(config: Config, file: string): Promise<Finding> {
  if (!hasMagic(file)) return fail(id, `It is damaged: ${file} does not begin as a database.`, "ossaat down");
  try {
    await runningClient(config).listPlans({});
    return ok(id, "in use by the running server, which reads it");
  } catch (error) {
    return failOf(id, error, "ossaat down");
  }
}

async function checkPostgres(url: string): Promise<Finding> {
  const { inspectPostgresStore } = await import("@ossaat/orchestrator/postgres");
  try {
    const found = await inspectPostgresStore(url);
    return ok(id, `PostgreSQL ${found.server}, ${schemaText(found)}`);
  } catch (error) {
    return failOf(id, error, "look at the log of the database; `ossaat config explain store` says who named it");
  }
}

/** Integrity and schema of the database; a running server owns its file and is asked instead. */
export async function checkDatabase(config: Config, isServed: boolean): Promise<Finding> {
  const { stateDir, store } = config;
  if (store !== undefined) return checkPostgres(store);
  const file = path.join(stateDir, "ossaat.db");
  if (!existsSync(file)) return ok(id, "none yet, made at the first command");
  if (isServed) return checkServed(config, file);
  const { inspectSqliteStore } = await import("@ossaat/orchestrator");
  try {
    const { problems, ...found } = inspectSqliteStore(file);
    if (problems.length > 0) {
      return fail(id, `It is damaged: ${problems[0] ?? ""}.`, `mv ${stateDir} ${stateDir}.damaged`);
    }
    return ok(id, `sound, ${schemaText(found)}`);
  } catch (error) {
    return failOf(id, error, `ls -l ${file}`);
  }
}
