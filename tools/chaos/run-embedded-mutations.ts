// Takes away one safeguard of the embedded server at a time and asks the oracle.
import { rmSync } from "node:fs";
import path from "node:path";

import { createRandom, createWorld, runLives } from "../../packages/testkit/src/chaos/index.ts";
import type { ServerEntry } from "../../packages/testkit/src/chaos/index.ts";
import type { Finding } from "../../packages/testkit/src/index.ts";
import { mutationCases } from "./mutations.ts";
import type { MutationCase } from "./mutations.ts";
import { reportMutations } from "./report-mutations.ts";
import type { Verdict } from "./report-mutations.ts";
import { makeEntries } from "./server-entries.ts";

/** Time in which a plan without a safeguard has to end, ms: one that hangs is found, too. */
const settleMs = 15_000;

/** Cases side by side: they wait much, for leases and for plans that must not hang. */
const parallel = 3;

async function findings(entry: ServerEntry, one: MutationCase): Promise<Finding[]> {
  const world = createWorld();
  const { shape, lives, limits, finalClockOffsetMs = 0 } = one;
  const random = createRandom(1);
  const shapes = [shape];
  const result = await runLives({ world, random, shapes, lives, entry, limits, finalClockOffsetMs, settleMs });
  world.remove();
  return result.findings;
}

/** @returns exit code */
export async function runEmbeddedMutations(): Promise<number> {
  const folder = path.resolve(".tools/chaos-mutations");
  rmSync(folder, { recursive: true, force: true });
  const whole = await makeEntries(path.join(folder, "whole"));
  const judgeCase = async (one: MutationCase, index: number): Promise<Verdict> => {
    const sound = await findings(whole.server, one);
    const { server } = await makeEntries(path.join(folder, String(index)), one.mutation);
    return { name: one.mutation.name, caughtBy: one.caughtBy, sound, objections: await findings(server, one) };
  };
  return reportMutations({ name: "chaos-mutations", cases: mutationCases, parallel, judge: judgeCase });
}
