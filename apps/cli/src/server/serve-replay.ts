// A stack of its own for one replay: a state folder that goes with it, a port of the loopback
// interface, and no way to leave a trace in the user's repository.
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

import type { WorkspaceService } from "@ossaat/contracts";
import { createClient } from "@ossaat/client";
import type { Client } from "@ossaat/client";

import { createEmbeddedStack } from "../compose/embedded.ts";
import type { StackLog, StackOptions, StackParts } from "../compose/embedded.ts";
import type { Config } from "../config.ts";

export type ReplayServer = { client: Client; close(): Promise<void> };

export type ReplayServerOptions = {
  config: Config;
  sandbox: StackOptions["sandbox"];
  models: StackParts["models"];
  log: StackLog;
};

/** Good for one process on one machine; it never leaves it. */
const token = "replay";

/** Working trees as ever, but no branch and no file reaches the user's repository. */
function withoutTraces(inner: WorkspaceService): WorkspaceService {
  return {
    ...inner,
    publish: ({ branch, commit }) => Promise.resolve({ branch, commit }),
    writeRecord: () => Promise.resolve(),
  };
}

export async function serveReplay({ config, sandbox, models, log }: ReplayServerOptions): Promise<ReplayServer> {
  const folder = await mkdtemp(path.join(tmpdir(), "ossaat-replay-"));
  const clean = () => rmSync(folder, { recursive: true, force: true });
  // An interrupt ends the process at once.
  process.once("exit", clean);
  const stack = await createEmbeddedStack({
    config: { ...config, stateDir: folder },
    sandbox,
    token,
    log,
    onActivity: () => undefined,
    arrange: { stack: (parts) => ({ ...parts, models, workspaces: withoutTraces(parts.workspaces) }) },
  });
  const server = createServer(stack.handler as Parameters<typeof createServer>[1]);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await stack.start();
  return {
    client: createClient({ baseUrl: () => `http://127.0.0.1:${port}`, token: () => token }),
    async close() {
      server.closeAllConnections();
      server.close();
      await stack.stop();
      process.off("exit", clean);
      clean();
    },
  };
}
