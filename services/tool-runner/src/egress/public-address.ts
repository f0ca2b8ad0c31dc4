// Which addresses a box may be led to: those of other organisations' machines, nothing nearer.
import ipaddr from "ipaddr.js";

/** Answers only to machines of one cloud, from a public range. */
const cloudInternal = new Set(["168.63.129.16"]);

/**
 * False for loopback, private, link-local, shared, multicast and reserved ranges, for metadata
 * services, for IPv6 that wraps IPv4, and for text that is no address.
 */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  if (address.range() !== "unicast" || cloudInternal.has(address.toString())) return false;
  // Of IPv6 only this block is handed out.
  return address instanceof ipaddr.IPv4 || address.match(ipaddr.IPv6.parseCIDR("2000::/3"));
}
