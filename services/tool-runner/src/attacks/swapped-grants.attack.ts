// What was approved is not what is executed: arguments, envelope or grant are exchanged.
import { Envelope } from "@ossaat/contracts";
import { makeInvocation, wideEnvelope } from "../testing/open-runner.ts";
import type { AttackTarget } from "../testing/attack-target.ts";
import type { RunnerAttack } from "../testing/attack-target.ts";

const narrow = Envelope.parse({ ...wideEnvelope, paths: ["src/**"] });
const write = (path: string) => ({ path, content: "x" });

/** Each differs from what its grant was given for. */
function forged() {
  const a = makeInvocation("write_file", write("a.new"));
  const b = makeInvocation("write_file", write("b.new"));
  const asked = makeInvocation("write_file", write("src/approved.new"), { envelope: narrow });
  const calls = [
    { ...a, grant: b.grant },
    { ...b, grant: a.grant },
    { ...asked, inputJson: JSON.stringify(write("changed.new")), envelope: wideEnvelope },
    { ...asked, inputJson: JSON.stringify(write("outside.new")), approvedOutside: true },
    { ...makeInvocation("write_file", write("late.new"), { grantExpiresAt: "2020-01-01T00:00:00.000Z" }) },
  ];
  return calls.map((call, index) => ({ ...call, invocationId: `call-${index}` }));
}

function written({ open }: AttackTarget): string[] {
  return ["a.new", "b.new", "changed.new", "late.new", "outside.new"].filter((path) => open.has(path));
}

export const swappedGrants: RunnerAttack = {
  id: "swapped-grants",

  title: "execute something else than what was allowed",
  stride: "R",
  layer: "hash",
  against: "host",
  async attempt(target) {
    for (const invocation of forged()) await target.send(invocation);
    return written(target);
  },
  blocked: () => [],
  audit: () => [
    ...forged()
      .slice(0, -1)
      .map(() => ["grant", "grant_mismatch"] as const),
    ["grant", "grant_expired"],
  ],
  planted: {
    async attempt(target) {
      // The same calls by one who can make grants.
      for (const { grant: _grant, grantExpiresAt: _past, inputJson, tool, ...rest } of forged()) {
        const { envelope, approvedOutside } = rest;
        await target.send(makeInvocation(tool, inputJson, { envelope, approvedOutside }));
      }
      return written(target);
    },
    gives: () => ["a.new", "b.new", "changed.new", "late.new", "outside.new"],
  },
};
