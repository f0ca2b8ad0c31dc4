// Compiles the rules to wasm and says from what. Paths are relative to the root and the opa is
// pinned, so that the same sources give the same bytes on every machine.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { opaVersion, runOpa } from "./opa.ts";

/** Folder of the rules, and the one the compiled rules are shipped in, from the root. */
export const policySources = "infra/policies";
export const policyOutput = "packages/policy/wasm";

const entrypoints = ["orchestrator/capabilities/decision"];
const testFiles = "*_test.rego";

const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");

/** Rule and data files, without tests, sorted. */
export function sourceFiles(root: string): string[] {
  const names = readdirSync(path.join(root, policySources), { recursive: true }) as string[];
  return names
    .filter((name) => /\.(?:rego|json|yaml)$/u.test(name) && !name.endsWith("_test.rego"))
    .map((name) => `${policySources}/${name.split(path.sep).join("/")}`)
    .sort();
}

/** SHA-256 of every source, and one over them, the entry points and the compiler's version. */
function hashSources(root: string): { sources: Record<string, string>; sourceSha256: string } {
  const sources = Object.fromEntries(
    sourceFiles(root).map((name) => [name, sha256(readFileSync(path.join(root, name)))]),
  );
  // Keys come sorted, so this text is canonical.
  return { sources, sourceSha256: sha256(JSON.stringify({ entrypoints, opaVersion, sources })) };
}

function extractWasm(bundle: string): Buffer {
  const { status, stdout, stderr } = spawnSync("tar", ["-xzOPf", bundle, "/policy.wasm"], {
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`the bundle holds no policy.wasm: ${stderr.toString()}`);
  return stdout;
}

/** @throws Error with opa's report when the rules do not compile */
export function compilePolicy(root: string): { wasm: Buffer; manifest: object } {
  const folder = mkdtempSync(path.join(tmpdir(), "ossaat-policy-"));
  try {
    const bundle = path.join(folder, "bundle.tar.gz");
    const named = entrypoints.flatMap((name) => ["-e", name]);
    const built = runOpa(["build", "-t", "wasm", ...named, "--ignore", testFiles, "-o", bundle, policySources], root);
    if (!built.ok) throw new Error(built.text);
    const wasm = extractWasm(bundle);
    const { sources, sourceSha256 } = hashSources(root);
    const manifest = { schemaVersion: 1, opaVersion, entrypoints, sources, sourceSha256, wasmSha256: sha256(wasm) };
    return { wasm, manifest };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function manifestText(manifest: object): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
