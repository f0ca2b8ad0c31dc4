// The way out of a bubblewrap box, by whoever runs the runner.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

import { createBubblewrapSandbox } from "../sandbox/adapters/bubblewrap.ts";
import { testHost } from "../testing/host.ts";
import { makeTempDir } from "../testing/temp-dir.ts";
import { describeEgress } from "./egress.contract.ts";

const create = (scratchDir: string) => createBubblewrapSandbox({ host: testHost, arch: process.arch, scratchDir });

const trial = makeTempDir();
const probe = await create(trial.path).probe();
trial.remove();
const reason = probe.usable ? "" : ` (skipped: ${probe.detail})`;

describe.skipIf(!probe.usable)(`the way out of a box${reason}`, () => {
  describeEgress({ create, name: "bubblewrap" });
});

describe.skipIf(!probe.usable)(`whoever runs the runner${reason}`, () => {
  const script = fileURLToPath(new URL("../testing/runner-with-egress.ts", import.meta.url));
  const asUser = ["--user", "--map-user=12345", "--map-group=12345", "--", process.execPath, script, "bubblewrap"];

  it.each([
    ["an ordinary user", "/usr/bin/unshare", asUser],
    ["root as it is", process.execPath, [script, "bubblewrap"]],
    ["root that cannot become another user", process.execPath, [script, "bubblewrap", "", "mappedRoot"]],
  ])("%s has the same way out", async (_who, command, words) => {
    const child = spawn(command, words, { stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env["PATH"] } });
    let out = "";
    child.stdout.on("data", (data) => (out += String(data)));
    child.stderr.on("data", (data) => (out += String(data)));
    const [code] = (await once(child, "exit")) as [number];
    expect([code, out]).toEqual([0, "200 hello\nfailed\n"]);
  });
});
