// A request that turns the connection into another protocol, in which nobody judges.
import type { RunnerAttack } from "../testing/attack-target.ts";

export const egressUpgrade: RunnerAttack = {
  id: "egress-upgrade",
  title: "turn a judged connection into a raw one",
  stride: "E",
  layer: "egress proxy",
  against: "box",
  hosts: ({ port }) => [`http://api.example.org:${port}/*`],
  async attempt(target) {
    const { port, listed } = target.net;
    const found = await target.viaProxy(`
sock = dial()
say(sock, "GET http://api.example.org:${port}/socket HTTP/1.1", "Host: api.example.org:${port}", auth, "Connection: Upgrade", "Upgrade: websocket")
sock.settimeout(2)
found["answer"] = brief(drain(sock))[:3]`);
    return { found, seen: listed.requests.map((line) => line.replace(`:${port}`, "")) };
  },
  blocked: () => ({ found: { answer: "200" }, seen: ["GET /socket api.example.org"] }),
  egress: () => ["allowed GET api.example.org/socket x1"],
  audit: () => [],
  planted: { gives: () => ({ found: { answer: "200" }, seen: ["GET /socket api.example.org upgrade"] }) },
};
