// The address of a database as the driver is given it: checked, and with each `sslmode` in the one word that
// means the same to every version of the driver.
import { accessSync, constants } from "node:fs";

import { AgentError } from "@ossaat/contracts";

const usage = "`ossaat config explain store`; it is postgres://user@host:port/database";

const modes = ["disable", "no-verify", "prefer", "require", "verify-ca", "verify-full"] as const;

/** What the driver takes as `verify-full`, and warns of it on the process's standard error. */
const takenAsFull: ReadonlySet<string> = new Set(["prefer", "require", "verify-ca"]);

const fileNames = ["sslrootcert", "sslcert", "sslkey"] as const;

/** The address itself is not repeated, because it may hold a password. */
function invalid(message: string): AgentError {
  return new AgentError("invalid_input", message, { details: { next: usage } });
}

function parseAddress(address: string): URL {
  const parsed = URL.canParse(address) ? new URL(address) : undefined;
  const isPostgres = parsed?.protocol === "postgres:" || parsed?.protocol === "postgresql:";
  if (isPostgres && parsed.hostname !== "" && parsed.pathname.length > 1) return parsed;
  throw invalid("The address of the database is not valid.");
}

function canRead(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    // Why it cannot be read is of no matter: the message names it.
    return false;
  }
}

function checkFiles({ searchParams }: URL): void {
  for (const name of fileNames) {
    const file = searchParams.get(name);
    if (file === null || canRead(file)) continue;
    throw invalid(`${file}, which the address of the database names as ${name}, cannot be read.`);
  }
}

/** @throws AgentError invalid_input */
export function driverAddress(address: string): string {
  const url = parseAddress(address);
  const { searchParams } = url;
  const mode = searchParams.get("sslmode");
  if (mode !== null && !modes.some((known) => known === mode)) {
    const known = `${modes.slice(0, -1).join(", ")} or ${modes.at(-1)}`;
    throw invalid(`sslmode in the address of the database takes ${known}, not ${JSON.stringify(mode)}.`);
  }
  checkFiles(url);
  const isLikeLibpq = searchParams.get("uselibpqcompat") === "true";
  if (isLikeLibpq && mode === "verify-ca" && !searchParams.has("sslrootcert")) {
    throw invalid("sslmode=verify-ca with uselibpqcompat=true needs sslrootcert in the address of the database.");
  }
  if (isLikeLibpq || mode === null || !takenAsFull.has(mode)) return address;
  searchParams.set("sslmode", "verify-full");
  return url.href;
}
