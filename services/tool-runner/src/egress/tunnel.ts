// A tunnel to a host that is listed by its name alone: bytes are counted, and of them only the name
// in a TLS handshake is read.
import { connect } from "node:net";
import type { Socket } from "node:net";
import { pipeline } from "node:stream/promises";

import type { EgressRecord } from "@ossaat/contracts";

import { OtherServerName, serverNameGate } from "./server-name.ts";
import { ByteBudgetSpent } from "./egress-ledger.ts";
import type { HostAddress } from "./resolve-host.ts";
import { pinnedLookup } from "./run-context.ts";
import type { RunContext } from "./run-context.ts";

function connected(upstream: Socket, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => upstream.destroy(new Error("no connection in time")), timeoutMs);
    upstream.once("connect", resolve);
    upstream.once("error", reject);
    upstream.once("close", () => reject(new Error("closed")));
    for (const end of ["connect", "close"] as const) upstream.once(end, () => clearTimeout(timer));
  });
}

export type Tunnel = { socket: Socket; head: Buffer; target: { host: string; port: number }; record: EgressRecord };

/** Connects and passes bytes until both sides have ended; tells whether the host was reached. Never rejects. */
export async function openTunnel(
  { ledger, limits }: RunContext,
  { socket, head, target, record }: Tunnel,
  addresses: readonly HostAddress[],
): Promise<boolean> {
  const upstream = connect({ ...target, lookup: pinnedLookup(addresses) });
  socket.once("close", () => upstream.destroy());
  try {
    await connected(upstream, limits.connectTimeoutMs);
  } catch {
    return false;
  }
  const both = [socket, upstream];
  for (const each of both) each.setTimeout(limits.idleTimeoutMs, () => both.forEach((end) => end.destroy()));
  socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
  if (head.length > 0) socket.unshift(head);
  try {
    await Promise.all([
      pipeline(socket, serverNameGate(target.host), ledger.meter(record, "up"), upstream),
      pipeline(upstream, ledger.meter(record, "down"), socket),
    ]);
  } catch (error) {
    // Ends that were cut off are the everyday end of a tunnel.
    if (error instanceof OtherServerName) ledger.deny(record, "other_server_name");
    if (error instanceof OtherServerName || error instanceof ByteBudgetSpent) both.forEach((end) => end.destroy());
  }
  return true;
}
