// The end of an HTTP server: nothing new comes in, what runs may end.
import type { Server } from "node:http";

const drainLimits = {
  /** Milliseconds between two looks for connections whose last request was answered. */
  idleMs: 50,
} as const;

/**
 * Takes no connection any more, lets requests that run end for `graceMs` milliseconds, then ends what
 * is left. Resolves when no connection is open.
 */
export async function drainServer(server: Server, graceMs: number): Promise<void> {
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  server.closeIdleConnections();
  // NOTE: a connection that is kept alive stays open after its answer, and would be waited for.
  const idle = setInterval(() => server.closeIdleConnections(), drainLimits.idleMs);
  const late = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed.promise;
  clearInterval(idle);
  clearTimeout(late);
}
