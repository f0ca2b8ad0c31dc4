// A host of the list answers with the address of another one, and the program follows.
import type { RunnerAttack } from "../testing/attack-target.ts";

export const egressRedirect: RunnerAttack = {
  id: "egress-redirect",
  title: "be led on from a listed host by a redirect",
  stride: "I",
  layer: "egress proxy",
  against: "box",
  hosts: ({ port }) => [`api.example.org:${port}`],
  async attempt(target) {
    const { port, inner, listed } = target.net;
    const found = await target.viaProxy(`
from urllib.parse import quote
def follow(url):
  answer = ask(url)
  lines = [line for line in answer.split("\\r\\n") if line.lower().startswith("location: ")]
  return follow(lines[0][10:]) if lines else brief(answer)[:3]
there = "http://other.example.org:${port}/secret"
found["followed"] = follow("http://api.example.org:${port}/redirect?" + quote(there, safe=""))`);
    return { found, led: listed.requests.length, reached: inner.requests.length };
  },
  blocked: () => ({ found: { followed: "403" }, led: 1, reached: 0 }),
  egress: () => ["allowed GET api.example.org/redirect x1", "denied GET other.example.org/secret host_not_listed x1"],
  audit: () => [],
  planted: { gives: () => ({ found: { followed: "200" }, led: 1, reached: 1 }) },
};
