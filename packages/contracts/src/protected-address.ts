// Which addresses keep what is sent to them from others: encrypted with a certificate that is checked, or on
// this machine.
import { isDatabaseAddress, readDatabaseProtection } from "./protected-database.ts";

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\]|::1)$/u;

/** Whether a host of an address is this machine. */
export const isLoopback = (hostname: string): boolean => loopback.test(hostname.toLowerCase());

/** Schemes that are TLS, with the certificate of the other side checked. */
const encrypted: ReadonlySet<string> = new Set(["https:", "amqps:", "kafkas:"]);

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
  const url = new URL(text);
  if (!isDatabaseAddress(url)) return isLoopback(url.hostname);
  const { host, isChecked } = readDatabaseProtection(url, sslMode);
  if (host === undefined) return false;
  // A socket of this machine may stand in place of a host.
  return isChecked || isLoopback(host) || host.startsWith("/");
}
