import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, it } from "vitest";

function files(root: string): Record<string, string> {
  const names = (readdirSync(root, { recursive: true }) as string[]).filter((name) => name.endsWith(".ts")).sort();
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(root, name), "utf8")]));
}

it("is what the proto files give: run `make gen` after a change", () => {
  const fresh = mkdtempSync(join(tmpdir(), "ossaat-gen-"));
  try {
    execFileSync(process.execPath, [fileURLToPath(new URL("../../scripts/generate-proto.ts", import.meta.url)), fresh]);
    const checkedIn = files(fileURLToPath(new URL("../gen", import.meta.url)));
    expect(Object.keys(checkedIn)).toHaveLength(4);
    expect(files(fresh)).toEqual(checkedIn);
  } finally {
    rmSync(fresh, { recursive: true });
  }
});
