// Evaluates candidate rules in a thread of their own, with a cap on time and memory: rules that
// never end must not end the server.
import { Worker } from "node:worker_threads";

import { AgentError } from "@ossaat/contracts";

import type { CandidateReply, CandidateWork } from "./candidate-thread.ts";
import { policyLimits } from "./limits.ts";
import type { Evaluation } from "./policy-engine.ts";

function reply(worker: Worker, timeoutMs: number): Promise<CandidateReply> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve({ problem: `they took longer than ${timeoutMs / 1000} s` }), timeoutMs);
    const settle = (answer: CandidateReply) => {
      clearTimeout(timer);
      resolve(answer);
    };
    worker.once("message", settle);
    worker.once("error", (error) => settle({ problem: error.message }));
    worker.once("exit", () => settle({ problem: "their thread ended without an answer" }));
  });
}

/**
 * One evaluation for each input, in order.
 * @throws AgentError invalid_input when the rules cannot be loaded or do not end in time
 */
export async function evaluateCandidate(
  work: CandidateWork,
  { timeoutMs = policyLimits.candidateMs }: { timeoutMs?: number } = {},
): Promise<Evaluation[]> {
  const worker = new Worker(new URL("./candidate-thread.ts", import.meta.url), {
    workerData: work,
    resourceLimits: { maxOldGenerationSizeMb: policyLimits.candidateHeapMb },
  });
  try {
    const answer = await reply(worker, timeoutMs);
    if ("evaluations" in answer) return answer.evaluations;
    throw new AgentError("invalid_input", `The candidate's rules cannot be tried: ${answer.problem}.`);
  } finally {
    await worker.terminate();
  }
}
