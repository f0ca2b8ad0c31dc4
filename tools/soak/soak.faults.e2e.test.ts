// The verdict on the whole way: a server that leaks, under the load, judged by the program that `make soak` runs.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

const soak = fileURLToPath(new URL("run-soak.ts", import.meta.url));

/** Enough samples for a verdict at the shortest distance between two. */
const minutes = 0.8;
/** The planted leak keeps some 0.3 MB at each sample, 2 s apart: caches that fill stay far below. MB an hour */
const leastSlope = 300;

test("a server that leaks is found, and the soak fails", { timeout: 300_000 }, () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [soak], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], MINUTES: String(minutes), SOAK_LEAK: "1" },
  });
  const slope = Number(/heap after collection: .* MB at the end, (-?[\d.]+) MB\/h/u.exec(stdout)?.[1]);
  expect([status, /^soak: (\w+)/mu.exec(stdout)?.[1], stderr]).toEqual([1, "GROWS", ""]);
  expect(slope).toBeGreaterThan(leastSlope);
});
