import { setTimeout as sleep } from "node:timers/promises";

import { expect, it } from "vitest";

import { defaultSandboxLimits, pipeGraceMs } from "./limits.ts";
import { runProcess } from "./run-process.ts";
import type { SandboxRequest } from "./sandbox.ts";

const run = (script: string, onOutput: SandboxRequest["onOutput"]) =>
  runProcess(
    {
      command: "/bin/sh",
      args: ["-c", script],
      cwd: "/",
      env: { PATH: "/usr/bin:/bin" },
      kill: (child) => child.kill("SIGKILL"),
    },
    { limits: defaultSandboxLimits, onOutput },
  );

it("gives a reader all output, however long it takes over a part after the end", async () => {
  let bytes = 0;
  let waits = 1;
  // More than one read, less than a pipe holds: the program ends while the reader is at its first part.
  const result = await run("head -c 100000 /dev/zero", async (_channel, data) => {
    bytes += data.length;
    if (waits > 0) await sleep(pipeGraceMs + 300);
    waits -= 1;
  });
  expect([bytes, result.exitCode, result.outputCut]).toEqual([100_000, 0, false]);
});

it("ends without what a left process may print, and says so", async () => {
  let text = "";
  const result = await run("(setsid sleep 4; echo late) & echo now", (_channel, data) => {
    text += data.toString("utf8");
  });
  expect([text, result.exitCode, result.outputCut]).toEqual(["now\n", 0, true]);
});

it("fails with what its reader throws, only after the program has ended", async () => {
  const failed = run("echo x; sleep 30", async () => Promise.reject(new Error("disk full")));
  await expect(failed).rejects.toThrow("disk full");
});
