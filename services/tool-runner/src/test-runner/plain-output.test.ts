import { readFileSync } from "node:fs";

import { expect, it } from "vitest";

import { plainGo, plainJest } from "./plain-output.ts";

it("prints what go would have printed, and keeps lines that are no events", () => {
  const events = readFileSync(new URL("./fixtures/go-1.26.txt", import.meta.url), "utf8");
  const text = plainGo(`go: downloading x\n{"a":1}\n${events}{"Action":"outp`);
  expect(text.split("\n").filter((line) => /^(?:go: |--- FAIL|FAIL\t|\{)/u.test(line))).toMatchInlineSnapshot(`
    [
      "go: downloading x",
      "{"a":1}",
      "FAIL	x/broken [build failed]",
      "--- FAIL: TestBad/inner (0.00s)",
      "--- FAIL: TestBad (0.00s)",
      "FAIL	x	0.002s",
      "{"Action":"outp",
    ]
  `);
});

it("leaves jest's report out", () => {
  expect(plainJest('FAIL a.test.js\n  expected 1\n{"numFailedTestSuites":1}\n')).toBe("FAIL a.test.js\n  expected 1\n");
});
