// The address of a database as the driver is given it: checked, and with each `sslmode` in the one word that
// means the same to every version of the driver.
import { accessSync, constants } from "node:fs";

import { AgentError } from "@ossaat/contracts";

const usage = "`ossaat config explain store`; it is postgres://user@host:port/database";

const modes = ["disable", "no-verify", "prefer", "require", "verify-ca", "verify-full"] as const;

/** What the driver takes as `verify-full`, and warns of it on the process's standard error. */
const takenAsFull: ReadonlySet<string> = new Set(["prefer", "require", "verify-ca"]);

const fileNames = ["sslrootcert", "sslcert", "sslkey"] as const;

/** Who is connected to, and how: of equal names the driver takes the last, a reader the first. */
const onceNames = ["host", "ssl", "sslmode", "sslnegotiation", "uselibpqcompat", ...fileNames] as const;

const sslWords: ReadonlySet<string> = new Set(["true", "1", "0", "no-verify"]);

/** The address itself is not repeated, because it may hold a password. */
function invalid(message: string): AgentError {
  return new AgentError("invalid_input", message, { details: { next: usage } });
}

function isEncoded(text: string): boolean {
  try {
    decodeURI(text);
    return true;
  } catch {
    // There is one reason alone.
    return false;
  }
}

function parseAddress(address: string): URL {
  const parsed = URL.canParse(address) ? new URL(address) : undefined;
  const isPostgres = parsed?.protocol === "postgres:" || parsed?.protocol === "postgresql:";
  if (!isPostgres || parsed.hostname === "" || parsed.pathname.length <= 1) {
    throw invalid("The address of the database is not valid.");
  }
  if (isEncoded(parsed.href)) return parsed;
  throw invalid("The address of the database has a % that encodes nothing: write %25 for it.");
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

function checkSsl({ searchParams }: URL): void {
  const twice = onceNames.find((name) => searchParams.getAll(name).length > 1);
  if (twice !== undefined) throw invalid(`The address of the database names ${twice} more than once: write it once.`);
  const ssl = searchParams.get("ssl");
  if (ssl === null || sslWords.has(ssl)) return;
  const told = `ssl in the address of the database takes true, 1, 0 or no-verify, not ${JSON.stringify(ssl)}`;
  throw invalid(`${told}: write sslmode=verify-full or sslmode=disable in its place.`);
}

/**
 * In the spelling of a URL: one space in it, and the driver would read names otherwise than everybody else.
 * @throws AgentError invalid_input
 */
export function driverAddress(address: string): string {
  const url = parseAddress(address);
  const { searchParams } = url;
  checkSsl(url);
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
  if (!isLikeLibpq && mode !== null && takenAsFull.has(mode)) searchParams.set("sslmode", "verify-full");
  return url.href;
}
