// The stack of a replay has nobody but its own process to talk to.
import { createServer } from "node:net";

import { afterEach, expect, test } from "vitest";

import { loadConfig } from "../config.ts";
import { serveReplay } from "./serve-replay.ts";
import type { ReplayServer } from "./serve-replay.ts";

let server: ReplayServer | undefined;
afterEach(() => server?.close());

/** Sockets of this process that somebody could connect to. */
const listening = () => process.getActiveResourcesInfo().filter((name) => /^(?:TCP|Pipe)ServerWrap$/.test(name)).length;

test("listens nowhere, and answers its own client", async () => {
  const before = listening();
  const quiet = () => undefined;
  server = await serveReplay({
    config: await loadConfig({ environment: { PATH: process.env["PATH"] } }),
    sandbox: "none",
    models: {
      defaultRef: () => null,
      resolve: () => Promise.reject(new Error("no model is asked for")),
    },
    tools: (inner) => inner,
    log: { info: quiet, warn: quiet, error: quiet },
  });
  expect(listening()).toBe(before);
  const { client } = server;
  const [first, second] = await Promise.all([client.status(), client.listPlans()]);
  expect([first.sandbox.driver, second.plans]).toEqual(["none", []]);

  const planted = createServer();
  await new Promise<void>((resolve) => planted.listen(0, "127.0.0.1", resolve));
  expect(listening()).toBe(before + 1);
  await new Promise((resolve) => planted.close(resolve));
});
