// Public names of the indexer.
export { createIndexer } from "./create-indexer.ts";
export type { IndexerOptions } from "./create-indexer.ts";
export type { Indexer } from "./service/index-handlers.ts";
export type { IndexStatus } from "./service/index-status.ts";
export { serveIndexer } from "./serve-grpc.ts";
export type { ServeIndexerOptions } from "./serve-grpc.ts";
