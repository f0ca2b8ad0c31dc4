// What the driver of PostgreSQL makes of an address: to whom it connects, and whether by TLS with the certificate
// checked. Its own parser is not asked, because that one reads the files that an address names, and warns.
// `protected-database.test.ts` of the orchestrator compares the two.

const schemes: ReadonlySet<string> = new Set(["postgres:", "postgresql:"]);

export const isDatabaseAddress = ({ protocol }: URL): boolean => schemes.has(protocol);

/** Of equal names the last holds. */
type Settings = ReadonlyMap<string, string>;

const hasText = (settings: Settings, name: string): boolean => (settings.get(name) ?? "") !== "";

/** Words of `PGSSLMODE` with which a connection whose address says nothing is checked. */
const checkedModes: ReadonlySet<string> = new Set(["prefer", "require", "verify-ca", "verify-full"]);

/** Any of them turns TLS on, unless `sslmode` turns it off; `ssl` is not looked at then. */
const overSsl = ["sslmode", "sslrootcert", "sslcert", "sslkey"];

function isModeChecked(settings: Settings): boolean {
  const mode = settings.get("sslmode") ?? "";
  if (settings.get("uselibpqcompat") !== "true") return mode !== "disable" && mode !== "no-verify";
  if (mode === "require" || mode === "verify-ca") return hasText(settings, "sslrootcert");
  return mode !== "disable" && mode !== "prefer";
}

function isChecked(settings: Settings, sslMode: string | undefined): boolean {
  if (overSsl.some((name) => hasText(settings, name))) return isModeChecked(settings);
  const ssl = settings.get("ssl");
  if (ssl !== undefined) return ssl === "true" || ssl === "1";
  return settings.get("sslnegotiation") === "direct" || (sslMode !== undefined && checkedModes.has(sslMode));
}

/** Name or address of the other side, or the folder of a socket; undefined = one that nobody can have. */
function hostOf({ hostname }: URL, settings: Settings): string | undefined {
  if (hasText(settings, "host")) return settings.get("host");
  try {
    return decodeURIComponent(hostname);
  } catch {
    // The driver does not connect to it either.
    return undefined;
  }
}

type DatabaseProtection = { host: string | undefined; isChecked: boolean };

/** @param sslMode what holds for an address that says nothing: `PGSSLMODE` */
export function readDatabaseProtection(address: URL, sslMode: string | undefined): DatabaseProtection {
  const settings = new Map(address.searchParams);
  return { host: hostOf(address, settings), isChecked: isChecked(settings, sslMode) };
}
