// What an error of PostgreSQL means, by its SQLSTATE, and what to do about it.
import { AgentError } from "@ossaat/contracts";

import { outageReasons } from "../store-outage.ts";

/** Reason of the error of a statement that waited for a lock too long. */
export const lockTimeout = "lock_timeout";

type Meaning = {
  reason: string;
  message: string;
  next: string;
  /** Absent = `unavailable`. */
  code?: "invalid_input" | "conflict" | "unavailable";
};

/** Who asks may be the client of a deployment, whose own settings say nothing of its database. */
const setting = "`ossaat config explain store`, in a deployment OSSAAT_STORE of its processes,";

const unreachable: Meaning = {
  reason: outageReasons.connectionLost,
  message: "The database cannot be reached.",
  next: `start it, or look whether ${setting} has its address; what waits goes on by itself`,
};

const full: Meaning = {
  reason: "database_full",
  message: "The database has no room left.",
  next: "make room on the database server; what waits goes on by itself",
};

const exhausted: Meaning = {
  reason: "pool_exhausted",
  message: "All connections of this process to the database are in use.",
  next: "try again; let the process run fewer steps at once, or look for slow statements in pg_stat_activity",
};

const refused: Meaning = {
  reason: "password_refused",
  message: "The database refused the user or the password.",
  next: `check user and password; ${setting} says who named them`,
};

const unnamed: Meaning = {
  reason: "password_missing",
  message: "The database asks for a password, and none is known.",
  next: "`ossaat config explain store` says where a password belongs, in a deployment OSSAAT_STORE_PASSWORD is for it",
};

const withoutTls: Meaning = {
  reason: "no_tls",
  message: "The database server does not support SSL connections.",
  next: "turn on `ssl` there, or take `sslmode` out of the address (`ossaat config explain store`) where nobody else is on the way",
};

function untrusted(code: string): Meaning {
  return {
    reason: "certificate_refused",
    message: `The certificate of the database server is refused (${code}).`,
    next: "name its authority in the address, as ?sslmode=verify-full&sslrootcert=FILE; `ossaat config explain store` says who named it",
  };
}

/** What TLS calls a certificate that is not trusted, is not of this host, or whose time is not now. */
const certificateCode = /^(?:ERR_TLS_CERT_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA)/u;

const foreign: Meaning = {
  code: "conflict",
  reason: "other_tables",
  message: "This database holds tables of another program.",
  next: "name an empty one in `store`, made by `createdb NAME`; `ossaat config explain store` says who named this one",
};

const contended: Meaning = {
  reason: "contention",
  message: "The change met others again and again.",
  next: "try again",
};

const badText: Meaning = {
  code: "invalid_input",
  reason: "bad_text",
  message: "The text holds a character that cannot be stored.",
  next: "remove the character U+0000",
};

/** By SQLSTATE, or its class of two characters. */
const meanings: Readonly<Record<string, Meaning>> = {
  "08": unreachable,
  "57P01": unreachable,
  "57P02": unreachable,
  "57P03": unreachable,
  "57P05": unreachable,
  "25P03": unreachable,
  "28": refused,
  "3D000": {
    reason: "no_database",
    message: "The database of `store` does not exist.",
    next: "create it (`createdb NAME`), or name another one in `store`",
  },
  "53300": {
    reason: "too_many_connections",
    message: "The database takes no more connections.",
    next: "raise max_connections, or run fewer servers",
  },
  "53": full,
  "58": full,
  "42501": {
    reason: "no_privilege",
    message: "The user of the database lacks a privilege.",
    next: "let the user of `store` own the database's tables",
  },
  "25006": {
    reason: "read_only",
    message: "The database is read-only.",
    next: "name the primary server in `store`, not a standby",
  },
  "55P03": {
    reason: lockTimeout,
    message: "Another transaction held the same rows for too long.",
    next: "try again; a session that stands still shows in pg_stat_activity",
  },
  "57014": {
    reason: "statement_timeout",
    message: "The database took too long.",
    next: "try again; look at the load of the database server",
  },
  "40001": contended,
  "40P01": contended,
  // Only a migration makes tables and indexes, each under a name of its own.
  "42P07": foreign,
  "22021": badText,
  "22P05": badText,
};

const networkCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

/** The driver gives these no code. */
const driverMessages =
  /^(Connection terminated|timeout expired|Query read timeout|Client has encountered a connection error|Client was closed)/u;

function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : undefined;
}

/** Whether a statement was prepared before another version changed the schema; on a new connection it is not. */
export function isStalePlan(thrown: unknown): boolean {
  return codeOf(thrown) === "0A000" && thrown instanceof Error && thrown.message.includes("cached plan");
}

/** Whether the same transaction may succeed when it is tried again. */
export function isContention(thrown: unknown): boolean {
  const code = codeOf(thrown);
  return code === "40001" || code === "40P01" || isStalePlan(thrown);
}

function isNetworkError(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  // Node tries every address of a name and reports all that it met.
  if (thrown instanceof AggregateError) return thrown.errors.some(isNetworkError);
  return networkCodes.has(codeOf(thrown) ?? "") || driverMessages.test(thrown.message);
}

/** Nobody gave a connection back in time: the server itself was not asked. */
export function isPoolExhausted(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.message === "timeout exceeded when trying to connect";
}

/** The driver gives this one no code either. */
function lacksPassword(thrown: unknown): boolean {
  return thrown instanceof Error && /^SASL: .*client password must be a (?:non-empty )?string/u.test(thrown.message);
}

/** Nor this one. */
function refusesTls(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.message === "The server does not support SSL connections";
}

function meaningOf(thrown: unknown): Meaning | undefined {
  const code = codeOf(thrown) ?? "";
  if (isStalePlan(thrown)) return contended;
  if (code.length === 5) return meanings[code] ?? meanings[code.slice(0, 2)];
  if (certificateCode.test(code)) return untrusted(code);
  if (isPoolExhausted(thrown)) return exhausted;
  if (refusesTls(thrown)) return withoutTls;
  if (lacksPassword(thrown)) return unnamed;
  return isNetworkError(thrown) ? unreachable : undefined;
}

/** Whether the driver knew that the connection was gone, and sent nothing. */
export function wasNeverSent(thrown: unknown): boolean {
  return thrown instanceof Error && /^Client (?:has encountered a connection error|was closed)/u.test(thrown.message);
}

/** Whether the connection itself is of no more use. */
export function isConnectionLost(thrown: unknown): boolean {
  return meaningOf(thrown)?.reason === unreachable.reason;
}

function errorOf({ code = "unavailable", reason, message, next }: Meaning, cause?: unknown): AgentError {
  return new AgentError(code, message, { details: { reason, next }, ...(cause === undefined ? {} : { cause }) });
}

/** Somebody else has a table of one of our names. */
export function otherTables(): AgentError {
  return errorOf(foreign);
}

/** Translates an error of the database; constraints that were broken and anything else pass through. */
export function translatePostgresError(thrown: unknown): unknown {
  if (thrown instanceof AgentError) return thrown;
  const meaning = meaningOf(thrown);
  return meaning === undefined ? thrown : errorOf(meaning, thrown);
}

/** The connection broke while a commit was under way: nobody knows whether it took place. */
export function commitUnknown(cause: unknown): AgentError {
  return new AgentError("unavailable", "The connection to the database was lost while a change was saved.", {
    details: {
      reason: outageReasons.commitUnknown,
      next: "`ossaat show` tells whether the change is there, before you repeat it",
    },
    cause,
  });
}
