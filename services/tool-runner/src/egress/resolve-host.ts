// From a host to the addresses a run may connect to: resolved by us, checked, and the same for the
// whole run, so that a name that changes its mind leads nowhere new.
import { lookup as systemLookup } from "node:dns/promises";

import type { EgressReason } from "@ossaat/contracts";

import { isPublicAddress } from "./public-address.ts";

export type HostAddress = { address: string; family: number };

/** Addresses of a name, as the network says. A rejection means that there are none. */
export type HostLookup = (host: string) => Promise<readonly HostAddress[]>;

export type Resolved = { ok: true; addresses: readonly HostAddress[] } | { ok: false; reason: EgressReason };

export type ResolverOptions = {
  /** Default: the machine's resolver. */
  lookup?: HostLookup;
  /** Default: {@link isPublicAddress}. For tests; no setting leads here. */
  isAllowedAddress?: (address: string) => boolean;
};

// With the dot of an absolute name: a search domain would lead to another host.
const machineLookup: HostLookup = (host) => systemLookup(`${host}.`, { all: true, order: "verbatim" });

/** Makes the resolver of one run. One address that is not allowed refuses the whole name. */
export function createRunResolver(options: ResolverOptions, timeoutMs: number): (host: string) => Promise<Resolved> {
  const { lookup = machineLookup, isAllowedAddress = isPublicAddress } = options;
  const pinned = new Map<string, Promise<Resolved>>();
  const resolve = async (host: string): Promise<Resolved> => {
    const addresses = await withTimeout(lookup(host), timeoutMs).catch(() => []);
    if (addresses.length === 0) return { ok: false, reason: "not_resolved" };
    const isAllowed = addresses.every(({ address }) => isAllowedAddress(address));
    return isAllowed ? { ok: true, addresses } : { ok: false, reason: "address_not_public" };
  };
  return async (host) => {
    const known = pinned.get(host) ?? resolve(host);
    pinned.set(host, known);
    const resolved = await known;
    // A name that could not be resolved may be asked for again; an answer stays.
    if (!resolved.ok && resolved.reason === "not_resolved") pinned.delete(host);
    return resolved;
  };
}

async function withTimeout<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("too slow")), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
