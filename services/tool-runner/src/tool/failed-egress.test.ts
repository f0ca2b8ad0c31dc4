// A call that fails after its program has asked for hosts tells of them all the same.
import { once } from "node:events";
import { request } from "node:http";

import { AgentError } from "@ossaat/contracts";
import { afterEach, beforeEach, expect, it } from "vitest";

import type { Sandbox } from "../sandbox/sandbox.ts";
import { describeRecord } from "../testing/egress-world.ts";
import { openRunner, wideEnvelope } from "../testing/open-runner.ts";
import { makeTempDir } from "../testing/temp-dir.ts";
import type { TempDir } from "../testing/temp-dir.ts";

let dir: TempDir;
beforeEach(() => {
  dir = makeTempDir();
});
afterEach(() => dir.remove());

/** A driver whose program asks for a host, and which then breaks. */
const breakingSandbox = (): Sandbox => ({
  driver: "none",
  egress: "filtered",
  workspacePath: (path) => path,
  probe: () => Promise.resolve({ usable: true, driver: "none", detail: "" }),
  async run({ egress, env }) {
    const socketPath = dir.at("gate");
    await egress?.serve({ path: socketPath });
    const { username, password } = new URL(env["http_proxy"] ?? "");
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
    const headers = { "proxy-authorization": authorization };
    const asked = request({ socketPath, method: "CONNECT", path: "other.example.org:443", headers }).end();
    const [, socket] = await once(asked, "connect");
    socket.destroy();
    throw new AgentError("internal", "The box broke.");
  },
});

it("keeps the decisions of a call that failed, and no other call's", async () => {
  const runner = await openRunner({ "a.txt": "a\n" }, { driver: breakingSandbox() });
  try {
    const envelope = { ...wideEnvelope, egressHosts: ["api.example.org"] };
    const failed = await runner.call("run_command", { argv: ["true"] }, { envelope });
    expect([failed.state, failed.message, failed.output?.egress_requests?.map(describeRecord)]).toEqual([
      "failed",
      "The box broke.",
      ["denied CONNECT other.example.org host_not_listed x1"],
    ]);
    const other = await runner.call("read_file", { path: "none.txt" });
    expect([other.state, other.output]).toEqual(["failed", undefined]);
  } finally {
    await runner.close();
  }
});
