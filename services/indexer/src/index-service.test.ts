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
