// The orchestrator's API on a port, over the real parts of an agent stack, for tests that speak HTTP.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import type { Express } from "express";

import { mintInternalToken } from "../identity/identity.ts";
import type { Identity } from "../identity/identity.ts";
import { user } from "./test-engine.ts";

export type HttpCall = { method?: string; body?: unknown; identity?: Partial<Identity> };
export type HttpAnswer = { status: number; body: Record<string, unknown> };

export type ServedApp = {
  call(path: string, options?: HttpCall): Promise<HttpAnswer>;
  close(): Promise<void>;
};

/** @param internalKey key of the tokens that the app takes; calls are of tenant `local` unless they say otherwise */
export async function serveApp(
  app: Express,
  { internalKey, capabilities }: { internalKey: Uint8Array; capabilities: readonly string[] },
): Promise<ServedApp> {
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    async call(path, { method = "GET", body, identity = {} } = {}) {
      const token = await mintInternalToken({ tenantId: "local", actor: user, capabilities, ...identity }, internalKey);
      const response = await fetch(`${base}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, accept: "application/json", "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = text !== "" && response.headers.get("content-type")?.includes("json") === true;
      return { status: response.status, body: (isJson ? JSON.parse(text) : {}) as Record<string, unknown> };
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
