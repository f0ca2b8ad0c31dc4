import { describe, expect, it } from "vitest";

import { classifyRisk } from "./classify-risk.ts";

const command = (...argv: string[]) => classifyRisk({ tool: "run_command", input: { argv } }).risk;

describe("classifyRisk", () => {
  it.each([
    ["low", ["npm", "test"]],
    ["low", ["pytest", "-q"]],
    ["low", ["python3", "-m", "unittest"]],
    ["medium", ["npm", "install", "x"]],
    ["medium", ["node", "script.js"]],
    ["medium", ["some-tool"]],
    ["high", ["npm", "publish"]],
    ["high", ["sh", "-c", "npm test"]],
    ["high", ["/usr/bin/env", "npm", "test"]],
    ["high", ["rm", "-rf", "src"]],
    ["high", ["curl", "http://example.org"]],
    ["high", ["git", "push"]],
  ] as const)("%s: %j", (risk, argv) => {
    expect(command(...argv)).toBe(risk);
  });

  it("reads the paths of a write, never the words around it", () => {
    const write = (path: string, overwrite = false) =>
      classifyRisk({ tool: "write_file", input: { path, content: "low risk", overwrite } }).risk;
    expect(write("src/a.ts")).toBe("low");
    expect(write("src/a.ts", true)).toBe("medium");
    expect(write("package.json")).toBe("medium");
    expect(write(".github/workflows/ci.yml")).toBe("high");
    expect(write("../x")).toBe("high");
  });

  it("takes the worst file of a patch", () => {
    const patch = "--- a/src/a\n+++ b/src/a\n@@ -1 +1 @@\n-a\n+b\n--- a/.env\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n";
    expect(classifyRisk({ tool: "apply_patch", input: { patch } }).risk).toBe("high");
  });

  it("calls the unknown high", () => {
    expect(classifyRisk({ tool: "teleport", input: {} }).risk).toBe("high");
    expect(classifyRisk({ tool: "read_file", input: { risk: "low" } }).risk).toBe("high");
    expect(classifyRisk({ tool: "read_file", input: { path: "a" } }).risk).toBe("low");
  });
});
