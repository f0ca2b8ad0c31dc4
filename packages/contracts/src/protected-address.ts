// Which addresses keep what is sent to them from others: encrypted with a certificate that is checked, or on
// this machine.

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/u;

/** Whether a host of an address is this machine. */
export const isLoopback = (hostname: string): boolean => loopback.test(hostname.toLowerCase());

/** Schemes that are TLS, with the certificate of the other side checked. */
const encrypted: ReadonlySet<string> = new Set(["https:", "amqps:", "kafkas:"]);

/** Words of `sslmode` with which a connection to PostgreSQL is TLS, and its certificate is checked. */
const checkedModes: ReadonlySet<string> = new Set(["require", "verify-ca", "verify-full"]);

/** Hosts of `kafka://user@one:9092,two:9092/…`, which is no URL. */
function hostsOf(text: string): string[] {
  const places = text.replace(/^[a-z+]+:\/\//u, "").replace(/[/?].*$/u, "");
  const hosts = places.slice(places.lastIndexOf("@") + 1).split(",");
  return hosts.map((host) => host.replace(/:\d*$/u, ""));
}

/** @param sslMode what holds for a database whose address says nothing: `PGSSLMODE` */
export function isProtectedAddress(text: string, sslMode?: string): boolean {
  const [scheme = ""] = text.split("//");
  if (encrypted.has(scheme)) return true;
  if (scheme === "kafka:") return hostsOf(text).every(isLoopback);
  if (!URL.canParse(text)) return false;
  const { hostname, searchParams } = new URL(text);
  // A socket of this machine may stand in place of a host, or behind one.
  const host = decodeURIComponent(searchParams.get("host") ?? hostname);
  if (isLoopback(host) || host.startsWith("/")) return true;
  if (scheme !== "postgres:" && scheme !== "postgresql:") return false;
  return checkedModes.has(searchParams.get("sslmode") ?? sslMode ?? "");
}
