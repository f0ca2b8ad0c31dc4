// The real embedded server with failpoints between its parts, for chaos runs. Settings come as
// JSON in the first argument; without a target it never dies by itself.
import { connectToolRunner } from "@ossaat/tool-runner/client";
import { createLogger } from "@ossaat/telemetry";
import { hastenJobEngine } from "@ossaat/orchestrator/testing";
import {
  ServerSettings,
  createFailpoints,
  dieNow,
  watchGit,
  watchJournal,
  watchMethods,
  watchModels,
  watchStore,
  watchTools,
  watchWorkspaces,
} from "@ossaat/testkit";
import type { ServerOrder } from "@ossaat/testkit";

import type { StackOptions } from "../compose/embedded.ts";
import { loadConfig } from "../config.ts";
import { readServerFile } from "../server/server-file.ts";
import { serve } from "../server/serve.ts";

const settings = ServerSettings.parse(JSON.parse(process.argv[2] ?? "{}"));
hastenJobEngine(settings.limits);

const { target, reachedFile } = settings;
const points = createFailpoints({ target, reachedFile, die: dieNow });
let { clockOffsetMs } = settings;
process.on("message", (order: ServerOrder) => {
  ({ clockOffsetMs } = order);
});
// A parent that is gone leaves no server behind.
process.on("disconnect", () => process.exit(0));

const remote = settings.runnerAddress === undefined ? undefined : connectToolRunner(settings.runnerAddress);

const arrange: NonNullable<StackOptions["arrange"]> = {
  stack: (parts) => ({
    store: watchStore(parts.store, points),
    clock: { now: () => parts.clock.now() + clockOffsetMs, monotonic: () => parts.clock.monotonic() },
    artifacts: watchMethods(parts.artifacts, "artifacts", points),
    tools: watchTools(remote?.tools ?? parts.tools, points),
    workspaces: watchWorkspaces(remote?.workspaces ?? parts.workspaces, points),
    journal: watchJournal(parts.journal, points),
    models: watchModels(parts.models, points),
  }),
  runner: ({ git, results }) => ({
    git: watchGit(git, points),
    results: watchMethods(results, "results", points),
  }),
};

const config = {
  ...(await loadConfig({
    environment: { OSSAAT_STATE_DIR: settings.stateDir, XDG_CACHE_HOME: settings.cacheDir, HOME: settings.stateDir },
  })),
  modelRequestLog: settings.requestLog,
};
const log = createLogger({ service: "ossaat-chaos", version: "0", level: "warn", secrets: [] });
const server = await serve({ config, sandbox: "none", port: 0, idleMs: undefined, log, arrange });
process.on("SIGTERM", () => void server.stop("SIGTERM"));
const file = readServerFile(config.stateDir);
process.send?.({ ready: { url: server.url, token: file?.token } });
await server.stopped;
process.exit(0);
