import { describe, expect, test } from "vitest";

import { hashResult, steadyText } from "./hash-result.ts";

describe("the text of two equal runs is one", () => {
  test.each([
    ["[exited 1 after 0.133 s]", "[exited 1 after 2.04 s]"],
    ["# duration_ms 61.304957", "# duration_ms 9.1"],
    ["✖ adds (0.482ms)\n  duration_ms: 12.5", "✖ adds (11ms)\n  duration_ms: 0.25"],
    ["--- FAIL: TestSum (0.00s)\nFAIL\tcount\t0.003s", "--- FAIL: TestSum (0.01s)\nFAIL\tcount\t1.2s"],
    ["1 failed in 0.12s", "1 failed in 3.40s"],
    ["   Start at  22:33:05\n   Duration  7.70s (tests 87ms)", "   Start at  01:02:03\n   Duration  812ms (tests 2ms)"],
    ['<testcase name="a" time="0.012"/>', '<testcase name="a" time="1.5"/>'],
    ["2026-11-25T22:28:31.120Z failed", "2026-11-25T22:29:02.007Z failed"],
    ["(node:4711) Warning: x\npid 12", "(node:4712) Warning: x\npid 13"],
    ["ENOENT: /tmp/test-a8Fz/out.txt", "ENOENT: /tmp/test-Q1xx/out.txt"],
    ["at 0x7ffd12345678", "at 0x7ffd8765fedc"],
  ])("%j and %j", (one, other) => {
    expect(steadyText(one)).toBe(steadyText(other));
  });

  test.each([
    ["expected 4, got 5", "expected 4, got 6"],
    ["1 failed, 3 passed", "2 failed, 2 passed"],
    ["src/sum.js:12:4", "src/sum.js:13:4"],
    ["[exited 1 after 0.1 s]", "[exited 2 after 0.1 s]"],
    ["Error: no such file src/a", "Error: no such file src/b"],
  ])("but not %j and %j", (one, other) => {
    expect(steadyText(one)).not.toBe(steadyText(other));
  });
});

describe("the hash of a result", () => {
  const record = { argv: ["npm", "test"], cwd: ".", exitCode: 1, seconds: 0.1, logRef: "a".repeat(64), logBytes: 9 };
  const result = { text: "[exited 1 after 0.1 s]\nno", snapshot: "tree", commands: [record] };

  test("is that of an equal run which took another time and has another log", () => {
    const later = { ...record, seconds: 9, logRef: "b".repeat(64), logBytes: 10 };
    expect(hashResult("run_tests", { ...result, text: "[exited 1 after 9 s]\nno", commands: [later] })).toBe(
      hashResult("run_tests", result),
    );
  });

  test("is another for another text, tree, command or end", () => {
    const others = [
      { ...result, text: "[exited 1 after 0.1 s]\nyes" },
      { ...result, snapshot: "other" },
      { ...result, commands: [{ ...record, argv: ["npm"] }] },
      { ...result, commands: [{ ...record, exitCode: 0 }] },
      { ...result, commands: [{ ...record, timedOut: true }] },
      { ...result, commands: [] },
    ];
    expect(new Set([result, ...others].map((each) => hashResult("run_command", each))).size).toBe(7);
  });

  test("takes what is read as it is: a file may hold durations that matter", () => {
    expect(hashResult("read_file", { text: "wait 3 s" })).not.toBe(hashResult("read_file", { text: "wait 5 s" }));
  });
});
