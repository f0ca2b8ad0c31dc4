// A stack of its own for one replay: a state folder that goes with it, no address that anybody
// could connect to, and no way to leave a trace in the user's repository.
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";

import type { ToolService, WorkspaceService } from "@ossaat/contracts";
import { createClient } from "@ossaat/client";
import type { Client } from "@ossaat/client";
import type { ArrangedParts } from "@ossaat/orchestrator";

import { createEmbeddedStack } from "../compose/embedded.ts";
import type { StackLog, StackOptions } from "../compose/embedded.ts";
import { withOwnState } from "../config.ts";
import type { Config } from "../config.ts";
import { memoryFetch } from "./node-http-fetch.ts";

export type ReplayServer = { client: Client; close(): Promise<void> };

export type ReplayServerOptions = {
  config: Config;
  sandbox: StackOptions["sandbox"];
  models: ArrangedParts["models"];
  /** Keeps calls from having an effect outside of the replay. */
  tools: (inner: ToolService) => ToolService;
  log: StackLog;
};

/** Working trees as ever, but no branch and no file reaches the user's repository. */
function withoutTraces(inner: WorkspaceService): WorkspaceService {
  return {
    ...inner,
    publish: ({ branch, commit }) => Promise.resolve({ branch, commit }),
    writeRecord: () => Promise.resolve(),
  };
}

/** A user's settings without their secrets, with a state folder that goes with the replay. */
function replayConfig(config: Config, folder: string): Config {
  const secretsFile = path.join(folder, "no-secrets.json");
  return { ...withOwnState(config, folder), secretsFile, secretVariable: () => undefined };
}

export async function serveReplay({ config, sandbox, models, tools, log }: ReplayServerOptions): Promise<ReplayServer> {
  const folder = await mkdtemp(path.join(tmpdir(), "ossaat-replay-"));
  const clean = () => rmSync(folder, { recursive: true, force: true });
  // An interrupt ends the process at once.
  process.once("exit", clean);
  const token = randomBytes(32).toString("base64url");
  const stack = await createEmbeddedStack({
    config: replayConfig(config, folder),
    sandbox,
    token,
    log,
    onActivity: () => undefined,
    onTaken: () => undefined,
    arrange: {
      stack: (parts) => ({
        ...parts,
        models,
        tools: tools(parts.tools),
        workspaces: withoutTraces(parts.workspaces),
      }),
    },
  });
  const server = createServer(stack.handler as Parameters<typeof createServer>[1]);
  await stack.start();
  return {
    client: createClient({ baseUrl: () => "http://localhost", token: () => token, fetch: memoryFetch(server) }),
    async close() {
      await stack.stop();
      process.off("exit", clean);
      clean();
    },
  };
}
