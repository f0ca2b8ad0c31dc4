// Kinds of sockets that reach past the network: raw, packet, vsock, netlink, kernel crypto.
import type { RunnerAttack } from "../testing/attack-target.ts";

const kinds = ["raw", "raw6", "packet", "vsock", "netlink", "audit", "alg", "bluetooth", "xdp"];
const refused = Object.fromEntries(kinds.map((kind) => [kind, "EPERM"]));

export const socketFamilies: RunnerAttack = {
  id: "socket-families",
  title: "open raw, packet, vsock, netlink and alg sockets",
  stride: "E",
  layer: "seccomp",
  against: "box",
  attempt: (target) =>
    target.py(`
kinds = {"raw": (2, 3, 1), "raw6": (10, 3, 58), "packet": (17, 3, 0), "vsock": (40, 1, 0), "netlink": (16, 3, 15), "audit": (16, 3, 9), "alg": (38, 5, 0), "bluetooth": (31, 3, 1), "xdp": (44, 3, 0)}
for name, (family, kind, protocol) in kinds.items(): found[name] = attempt(lambda: socket.socket(family, kind, protocol).close())
found["route"] = attempt(lambda: socket.socket(16, 3, 0).close())`),
  blocked: () => ({ ...refused, route: "ok" }),
  audit: () => [],
  planted: {
    attempt: (target) => target.py(`found["netlink"] = attempt(lambda: socket.socket(16, 3, 15).close())`),
    gives: () => ({ netlink: "ok" }),
  },
};
