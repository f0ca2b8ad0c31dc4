// The compiled rules that are shipped come from the rules that stand beside; whether compiling them
// again gives the same bytes is checked where the compiler is.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { canonicalJson, sha256Hex } from "@ossaat/contracts";
import { expect, test } from "vitest";

import { shippedPolicyFolder } from "./load-policy.ts";
import { PolicyManifest, policyEntrypoint } from "./policy-engine.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const folder = "infra/policies";

test("the manifest names every source with its hash, and the wasm", () => {
  const manifest = PolicyManifest.parse(
    JSON.parse(readFileSync(path.join(shippedPolicyFolder, "manifest.json"), "utf8")),
  );
  const names = (readdirSync(path.join(root, folder), { recursive: true }) as string[]).filter(
    (name) => /\.(?:rego|json|yaml)$/u.test(name) && !name.endsWith("_test.rego"),
  );
  const hashOf = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");
  const sources = Object.fromEntries(names.map((name) => [`${folder}/${name}`, hashOf(path.join(root, folder, name))]));
  const { entrypoints, opaVersion } = manifest;
  expect(manifest).toEqual({
    schemaVersion: 1,
    opaVersion,
    entrypoints: [policyEntrypoint],
    sources,
    sourceSha256: sha256Hex(canonicalJson({ entrypoints, opaVersion, sources })),
    wasmSha256: hashOf(path.join(shippedPolicyFolder, "policy.wasm")),
  });
});
