import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

import { expect, test } from "vitest";

import { drainServer } from "./drain-server.ts";

async function listen(handler: RequestListener) {
  const server = createServer(handler);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test("lets a request that runs end, and takes no other", async () => {
  const begun = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const { server, url } = await listen((request, response) => {
    if (request.url === "/quick") return void response.end("quick");
    begun.resolve();
    void release.promise.then(() => response.end("whole"));
  });
  // Leaves a connection behind that is kept alive.
  expect(await (await fetch(`${url}/quick`)).text()).toBe("quick");
  const slow = fetch(`${url}/slow`);
  await begun.promise;
  const drained = drainServer(server, 60_000);
  await expect(fetch(`${url}/late`)).rejects.toThrow("fetch failed");
  release.resolve();
  expect(await (await slow).text()).toBe("whole");
  await drained;
});

test("ends what does not end by itself", async () => {
  const begun = Promise.withResolvers<void>();
  const { server, url } = await listen(() => begun.resolve());
  const cut = fetch(url).then(
    () => "answered",
    (error: unknown) => (error as Error).message,
  );
  await begun.promise;
  await drainServer(server, 50);
  expect(await cut).toBe("fetch failed");
});
