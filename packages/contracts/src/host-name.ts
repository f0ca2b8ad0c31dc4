// The one spelling of host names that rules, requests and resolvers share.

/** Characters of a host name, see RFC 1035. */
const maxHostChars = 253;

export type NormalizedHost = { ok: true; host: string } | { ok: false; why: string };

const label = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/u;

/**
 * The one spelling of a host name: ASCII, lower case, no trailing dot. Addresses in any notation,
 * names of one word and everything a resolver and a parser could read differently are refused.
 */
export function normalizeHost(text: string): NormalizedHost {
  // Checked before anything decodes: a parser that stops at one of these sees another host than a resolver.
  if (!/^[^\p{Cc}\p{Cf}\p{Z}\p{Cs}%/\\?#@:[\]]+$/u.test(text)) {
    return { ok: false, why: "a host is a plain name, without user, port, path, address or control characters" };
  }
  let host: string;
  try {
    host = new URL(`http://${text}/`).hostname.replace(/\.$/u, "");
  } catch {
    return { ok: false, why: "that is not a host name" };
  }
  const labels = host.split(".");
  if (host.length > maxHostChars || !labels.every((part) => label.test(part))) {
    return { ok: false, why: "that is not a host name" };
  }
  if (/^[\d.]+$/u.test(host)) return { ok: false, why: "an address cannot be named, only a host" };
  if (labels.length < 2) return { ok: false, why: "a name of one word belongs to this machine or its network" };
  return { ok: true, host };
}
