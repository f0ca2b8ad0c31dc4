// Thread that evaluates rules nobody has vouched for: it can be stopped, the caller cannot.
import { parentPort, workerData } from "node:worker_threads";

import { AgentError } from "@ossaat/contracts";
import type { PolicyInput } from "@ossaat/contracts";

import { createPolicyEngine } from "./policy-engine.ts";
import type { Evaluation } from "./policy-engine.ts";

export type CandidateWork = { wasm: Uint8Array; inputs: PolicyInput[] };
export type CandidateReply = { evaluations: Evaluation[] } | { problem: string };

async function evaluateAll({ wasm, inputs }: CandidateWork): Promise<CandidateReply> {
  try {
    const engine = await createPolicyEngine(wasm);
    return { evaluations: inputs.map((input) => engine.evaluate(input)) };
  } catch (error) {
    return { problem: AgentError.from(error).message };
  }
}

const reply = await evaluateAll(workerData as CandidateWork);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort?.postMessage(reply);
