// Compiles the rules again and writes them where they are shipped from.
import { mkdirSync, writeFileSync } from "node:fs";

import { compilePolicy, manifestText, policyOutput } from "./compile-policy.ts";

const { wasm, manifest } = compilePolicy(process.cwd());
mkdirSync(policyOutput, { recursive: true });
writeFileSync(`${policyOutput}/policy.wasm`, wasm);
writeFileSync(`${policyOutput}/manifest.json`, manifestText(manifest));
console.log(`${policyOutput}/policy.wasm: ${wasm.byteLength} bytes`);
