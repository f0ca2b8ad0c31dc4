import { readFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "vitest";

import { evaluateCandidate } from "./evaluate-candidate.ts";
import { shippedPolicyFolder } from "./load-policy.ts";
import { buildPolicyInput } from "./policy-input.ts";
import { request, unapprovedStep } from "./testing/policy-requests.ts";

const wasm = readFileSync(path.join(shippedPolicyFolder, "policy.wasm"));
const inputs = [buildPolicyInput(request()), buildPolicyInput(request({ step: unapprovedStep }))];

test("candidate rules are evaluated in order, apart from the caller", async () => {
  const [first, second] = await evaluateCandidate({ wasm, inputs });
  expect([first, second]).toMatchObject([{ result: { allow: true } }, { result: { requires_approval: true } }]);
});

test("candidates that are no rules are refused", async () => {
  await expect(evaluateCandidate({ wasm: new Uint8Array([0]), inputs })).rejects.toMatchObject({
    code: "invalid_input",
    message: expect.stringContaining("cannot be tried") as string,
  });
});

test("candidates that do not end in time are stopped", async () => {
  await expect(evaluateCandidate({ wasm: spinningWasm(), inputs }, { timeoutMs: 300 })).rejects.toMatchObject({
    code: "invalid_input",
    message: "The candidate's rules cannot be tried: they took longer than 0.3 s.",
  });
});

/** A module whose start function never ends. */
function spinningWasm(): Uint8Array {
  const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
  const types = [0x01, 0x04, 0x01, 0x60, 0x00, 0x00];
  const functions = [0x03, 0x02, 0x01, 0x00];
  const start = [0x08, 0x01, 0x00];
  // loop: br 0
  const code = [0x0a, 0x09, 0x01, 0x07, 0x00, 0x03, 0x40, 0x0c, 0x00, 0x0b, 0x0b];
  return new Uint8Array([...header, ...types, ...functions, ...start, ...code]);
}
