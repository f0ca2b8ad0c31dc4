// Public names of the client: browser-safe.
export { createClient } from "./create-client.ts";
export type { Client, ClientAnswer, ClientFetch, ClientOptions } from "./create-client.ts";
export type { StreamItem } from "./read-stream.ts";
