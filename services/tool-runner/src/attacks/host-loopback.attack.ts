// Services on the host's own loopback: databases, model servers, tool servers.
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";

import type { RunnerAttack } from "../testing/attack-target.ts";

export const hostLoopback: RunnerAttack = {
  id: "host-loopback",
  title: "reach a service on the host's loopback",
  stride: "E",
  layer: "namespace",
  against: "box",
  async attempt(target) {
    let reached = 0;
    const server: Server = createServer((socket) => {
      reached += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const found = await target.py(`
found["plain"] = attempt(lambda: socket.create_connection(("127.0.0.1", ${port}), 3).close())
found["mapped"] = attempt(lambda: socket.socket(socket.AF_INET6).connect(("::ffff:127.0.0.1", ${port})))
found["any"] = attempt(lambda: socket.create_connection(("0.0.0.0", ${port}), 3).close())`);
      return { found, reached };
    } finally {
      server.close();
    }
  },
  blocked: () => ({ found: { plain: "ECONNREFUSED", mapped: "ECONNREFUSED", any: "ECONNREFUSED" }, reached: 0 }),
  audit: () => [],
  planted: { gives: () => ({ found: { plain: "ok", mapped: "ok", any: "ok" }, reached: 3 }) },
};
