// The gateway as a process: what it says when it cannot start.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";

import { expect, it } from "vitest";

it("names a port that another program has, and how to choose another one", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const child = spawn(process.execPath, [fileURLToPath(new URL("main.ts", import.meta.url))], {
    env: {
      PATH: process.env["PATH"] ?? "",
      OSSAAT_GATEWAY_LISTEN: `127.0.0.1:${port}`,
      OSSAAT_GATEWAY_REPLICAS: "http://127.0.0.1:1",
      OSSAAT_API_TOKEN: "t0".repeat(16),
      OSSAAT_INTERNAL_KEY: "5e".repeat(32),
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (part: Buffer) => (said += part.toString()));
  const [code] = (await once(child, "exit")) as [number];
  expect([code, said.split("\n").slice(0, 2)]).toEqual([
    1,
    [
      `ossaat-gateway: Port ${port} is in use by another program.`,
      "Next: `export OSSAAT_GATEWAY_LISTEN=127.0.0.1:PORT` with a port that is free",
    ],
  ]);
  other.close();
});
