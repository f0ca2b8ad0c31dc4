// A port of this machine that nobody listens on.
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

/** Ports below need rights, or belong to well-known services. */
const lowest = 10_240;

/** Where Linux begins when nothing else is set (`ip_local_port_range` in ip(7)). */
const usualFirst = 32_768;

/** The first of the ports that the system gives to whoever connects to something. */
export function firstOutgoingPort(): number {
  try {
    const first = Number.parseInt(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8"), 10);
    return first > lowest + 1_000 ? first : usualFirst;
  } catch {
    // A system without it.
    return usualFirst;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return false;
    throw error;
  }
  server.close();
  await once(server, "close");
  return true;
}

/**
 * Free at the moment of asking, and never one that a connection of another process takes for its own end before
 * the asker listens, or while a server that will come back to it is down.
 */
export async function freePort(): Promise<number> {
  const end = firstOutgoingPort();
  for (;;) {
    const port = randomInt(lowest, end);
    if (await isFree(port)) return port;
  }
}
