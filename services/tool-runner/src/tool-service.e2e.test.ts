import { afterAll, describe } from "vitest";

import { connectToolRunner } from "./grpc-client.ts";
import { serveToolRunner } from "./serve-grpc.ts";
import { makeTempDir } from "./testing/temp-dir.ts";
import { describeToolService } from "./tool-service.contract.ts";
import type { Services } from "./tool-service.contract.ts";

const dir = makeTempDir();
afterAll(() => dir.remove());

async function connect(services: Services, address: string) {
  const server = await serveToolRunner({ ...services, address, log: { warn: () => undefined } });
  const client = connectToolRunner(server.address);
  return {
    ...client,
    close: async () => {
      client.close();
      await server.close(0);
    },
  };
}

describe("the runner in this process", () => {
  describeToolService((services) => Promise.resolve({ ...services, close: () => Promise.resolve() }));
});

describe("the runner behind gRPC on a unix socket", () => {
  describeToolService((services) => connect(services, `unix:${dir.at("runner.sock")}`));
});
