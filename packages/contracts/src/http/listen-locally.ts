// Takes a port of the loopback interface for a server of HTTP.
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

import { AgentError } from "../agent-error.ts";

/**
 * Resolves with the port, which the system chooses for 0. `next` says how to name another one.
 * @throws AgentError unavailable when the port cannot be had
 */
export function listenLocally(server: Server, { port, next }: { port: number; next: string }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const isTaken = cause.code === "EADDRINUSE";
      const message = isTaken ? `Port ${port} is in use by another program.` : `Port ${port} cannot be listened on.`;
      reject(new AgentError("unavailable", message, { details: { next }, cause }));
    });
    server.listen(port, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}
