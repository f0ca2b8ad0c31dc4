import { AgentError } from "@ossaat/contracts";
import type { IndexService } from "@ossaat/contracts";
import { afterAll, describe, expect, it } from "vitest";

import { connectIndexer } from "./grpc-client.ts";
import { describeIndexService } from "./index-service.contract.ts";
import { serveIndexer } from "./serve-grpc.ts";
import { makeTempCache } from "./testing/make-temp-cache.ts";

const dir = makeTempCache();
afterAll(() => dir.remove());

async function connect(index: IndexService) {
  const address = `unix:${dir.path}/indexer.sock`;
  const server = await serveIndexer({ index, address, log: { warn: () => undefined } });
  const client = connectIndexer(server.address);
  return {
    index: client.index,
    close: async () => {
      client.close();
      await server.close(0);
    },
  };
}

describe("the index in this process", () => {
  describeIndexService((index) => Promise.resolve({ index, close: () => Promise.resolve() }));
});

describe("the index behind gRPC on a unix socket", () => {
  describeIndexService(connect);
});

it("asks for a token on a port", async () => {
  const index = { profile: () => Promise.reject(new AgentError("not_found", "reached")) } as unknown as IndexService;
  const log = { warn: () => undefined };
  const address = "127.0.0.1:0";
  await expect(async () => serveIndexer({ index, address, log })).rejects.toMatchObject({ code: "invalid_input" });
  const token = "0123456789abcdef".repeat(2);
  const server = await serveIndexer({ index, address, token, log });
  const codes: unknown[] = [];
  for (const options of [{ token }, {}, { token: "f".repeat(32) }]) {
    const client = connectIndexer(server.address, options);
    const refused = client.index.profile({ tenantId: "t", root: "/r", commit: "c" });
    codes.push(await refused.catch((error: unknown) => AgentError.from(error).code));
    client.close();
  }
  await server.close(0);
  expect(codes).toEqual(["not_found", "unauthenticated", "unauthenticated"]);
});

it("hears of it when its caller leaves", async () => {
  const heard = Promise.withResolvers<void>();
  const waiting: IndexService["profile"] = (_request, options) =>
    new Promise((_resolve, reject) => {
      options?.signal?.addEventListener("abort", () => {
        heard.resolve();
        reject(new AgentError("cancelled", "The call was cancelled."));
      });
    });
  const { index, close } = await connect({ profile: waiting } as IndexService);
  const abort = new AbortController();
  const call = index.profile({ tenantId: "t", root: "/r", commit: "c" }, { signal: abort.signal });
  const refused = call.catch((error: unknown) => error);
  setTimeout(() => abort.abort(), 50);
  expect(await refused).toMatchObject({ code: "cancelled" });
  await heard.promise;
  await close();
});
