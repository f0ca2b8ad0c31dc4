import { spawn } from "node:child_process";
import { once } from "node:events";

import { expect, test } from "vitest";

import { stopInTracks } from "./stop-in-tracks.ts";

test("a busy process stands still when it returns, and goes on afterwards", async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => process.stdout.write('x'.repeat(1000)), 0)"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let bytes = 0;
  child.stdout.on("data", (data: Buffer) => (bytes += data.length));
  const grows = async () => {
    const before = bytes;
    await new Promise((go) => setTimeout(go, 100));
    return bytes > before;
  };
  await once(child.stdout, "data");
  stopInTracks(child.pid!);
  // What was in the pipe is read first.
  await grows();
  const still = await grows();
  child.kill("SIGCONT");
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  expect(still).toBe(false);
});

test("a process that is not there is said", () => {
  expect(() => stopInTracks(2 ** 22 + 1)).toThrow("ESRCH");
});
