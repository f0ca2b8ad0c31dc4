import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";

import { expect, test } from "vitest";

import { firstOutgoingPort, freePort } from "./free-port.ts";

test("no port of it is one that the system gives to a connection", async () => {
  const ports = await Promise.all(Array.from({ length: 200 }, freePort));
  expect(ports.filter((port) => port < 10_240 || port >= firstOutgoingPort())).toEqual([]);
  // Planted: the system's own choice is one of those.
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  expect((server.address() as AddressInfo).port).toBeGreaterThanOrEqual(firstOutgoingPort());
  server.close();
});
