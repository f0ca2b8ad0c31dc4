// Serves the index to other processes: indexer.v1 and the standard health service.
import type { IndexService } from "@ossaat/contracts";
import { serveGrpc } from "@ossaat/contracts/grpc";
import type { GrpcServer, OpenCallSpan, ServerTls } from "@ossaat/contracts/grpc";
import { IndexerServiceDefinition } from "@ossaat/contracts/proto/indexer";

import { createIndexerHandlers } from "./grpc/index-handlers.ts";

export type ServeIndexerOptions = {
  index: IndexService;
  /** `unix:/path` or a port of the loopback interface; with `tls` any `host:port`. Messages are limited to 4 MiB. */
  address: string;
  /** What callers must bring; required on a port without `tls`. */
  token?: string | undefined;
  tls?: ServerTls | undefined;
  /** Begins a span around every call; absent = none. */
  openSpan?: OpenCallSpan | undefined;
  /** Gets errors nobody foresaw; their cause is for the log alone. */
  log: { warn(fields: Record<string, unknown>, message: string): void };
};

/** Starts serving. @throws AgentError invalid_input, conflict, unavailable */
export function serveIndexer({ index, address, token, tls, openSpan, log }: ServeIndexerOptions): Promise<GrpcServer> {
  return serveGrpc({
    address,
    token,
    tls,
    openSpan,
    services: [IndexerServiceDefinition.fullName],
    isServing: () => Promise.resolve(true),
    report: (error, path) => log.warn({ path, cause: error.cause }, "A call failed in a way nobody foresaw."),
    register: (server) => server.add(IndexerServiceDefinition, createIndexerHandlers(index)),
  });
}
