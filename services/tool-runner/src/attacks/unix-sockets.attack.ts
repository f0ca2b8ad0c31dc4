// Sockets of the host by path and by abstract name: session buses, container engines, agents.
import { createServer } from "node:net";
import { join } from "node:path";

import type { RunnerAttack } from "../testing/attack-target.ts";

export const unixSockets: RunnerAttack = {
  id: "unix-sockets",
  title: "reach a unix socket of the host",
  stride: "E",
  layer: "seccomp",
  against: "box",
  async attempt(target) {
    const byPath = join(target.outside, "service.sock");
    const byName = `ossaat-attack-${process.pid}`;
    const servers = [byPath, `\0${byName}`].map((path) => createServer((socket) => socket.destroy()).listen(path));
    await Promise.all(servers.map((server) => new Promise((resolve) => server.once("listening", resolve))));
    try {
      return await target.py(`
def connect(address): return attempt(lambda: socket.socket(socket.AF_UNIX).connect(address))
found["path"] = connect(${JSON.stringify(byPath)})
found["name"] = connect("\\0${byName}")
found["datagram"] = attempt(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
found["engine"] = [path for path in ("/run/docker.sock", "/var/run/docker.sock", "/run/podman/podman.sock") if os.path.exists(path)]
found["pair"] = attempt(lambda: socket.socketpair())`);
    } finally {
      for (const server of servers) server.close();
    }
  },
  blocked: () => ({ path: "EPERM", name: "EPERM", datagram: "EPERM", engine: [], pair: "ok" }),
  audit: () => [],
  planted: {
    async attempt(target) {
      const name = `ossaat-attack-${process.pid}`;
      const server = createServer((socket) => socket.destroy()).listen(`\0${name}`);
      await new Promise((resolve) => server.once("listening", resolve));
      const found = await target.py(
        `found["name"] = attempt(lambda: socket.socket(socket.AF_UNIX).connect("\\0${name}"))`,
      );
      server.close();
      return found;
    },
    gives: () => ({ name: "ok" }),
  },
};
