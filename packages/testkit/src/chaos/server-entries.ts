// The processes of chaos runs, each made into one file that starts fast.
import path from "node:path";

import { bundleServer } from "./bundle-server.ts";
import type { Mutation } from "./bundle-server.ts";
import type { ServerEntry } from "./server-process.ts";

export type ChaosEntries = { server: ServerEntry; runner: ServerEntry };

/** Source files of the two processes. */
export type ChaosSources = { server: string; runner: string };

/** Makes the entries in `folder`; a mutation changes the server. @throws Error when it cannot be applied */
export async function makeChaosEntries(
  folder: string,
  sources: ChaosSources,
  mutation?: Mutation,
): Promise<ChaosEntries> {
  const server = path.join(folder, "server.mjs");
  const runner = path.join(folder, "runner.mjs");
  await bundleServer(sources.server, server, mutation === undefined ? [] : [mutation]);
  await bundleServer(sources.runner, runner);
  const env = { PATH: "/usr/local/bin:/usr/bin:/bin", NODE_COMPILE_CACHE: path.join(folder, "compiled") };
  const entry = (file: string): ServerEntry => ({ argv: ["--disable-warning=ExperimentalWarning", file], env });
  return { server: entry(server), runner: entry(runner) };
}
