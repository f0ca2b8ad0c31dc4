import { afterAll, describe } from "vitest";

import { connectToolRunner } from "./grpc-client.ts";
import { serveToolRunner } from "./serve-grpc.ts";
import { makeTempDir } from "./testing/temp-dir.ts";
import { describeFences } from "./tool-fence.contract.ts";
import { describeToolService } from "./tool-service.contract.ts";
import type { Services } from "./testing/connect-runner.ts";

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

const connectHere = (services: Services) => Promise.resolve({ ...services, close: () => Promise.resolve() });
const connectSocket = (services: Services) => connect(services, `unix:${dir.at("runner.sock")}`);

describe("the runner in this process", () => {
  describeToolService(connectHere);
});

describe("a fence of the runner in this process", () => {
  describeFences(connectHere);
});

describe("a fence of the runner behind gRPC", () => {
  describeFences(connectSocket);
});

describe("the runner behind gRPC on a unix socket", () => {
  describeToolService(connectSocket);
});
