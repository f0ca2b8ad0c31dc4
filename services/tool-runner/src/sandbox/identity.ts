// Who a payload can be on this machine.
import { readFile } from "node:fs/promises";

import type { BoxIdentity } from "./box-arguments.ts";

/** What making a box as another user takes: bits of capability masks, see capabilities(7). */
const neededCapabilities = {
  chown: 0n,
  dacReadSearch: 2n,
  setgid: 6n,
  setuid: 7n,
  setpcap: 8n,
  sysAdmin: 21n,
} as const;

/**
 * `mapped` for an ordinary user, `switched` for a root that may make namespaces without a user
 * namespace and change its user, `mappedRoot` for another root, as containers have.
 * `effective` is the mask as /proc gives it, in hexadecimal.
 */
export function chooseIdentity(uid: number | undefined, effective: string): BoxIdentity {
  if (uid !== 0) return "mapped";
  if (!/^[0-9a-f]+$/iu.test(effective)) return "mappedRoot";
  const mask = BigInt(`0x${effective}`);
  const hasAll = Object.values(neededCapabilities).every((bit) => ((mask >> bit) & 1n) === 1n);
  return hasAll ? "switched" : "mappedRoot";
}

/** The identity for this very process. */
export async function findIdentity(): Promise<BoxIdentity> {
  const status = await readFile("/proc/self/status", "utf8").catch(() => "");
  return chooseIdentity(process.getuid?.(), /^CapEff:\s*([0-9a-f]+)/imu.exec(status)?.[1] ?? "");
}
