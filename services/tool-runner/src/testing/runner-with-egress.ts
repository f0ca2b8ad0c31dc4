// A process that runs one box with a way out, for tests of who may run it and of its sudden end.
// Words: the driver, a mark to sleep by after the requests (empty = end), and the identity of payloads.
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { mkdirSync } from "node:fs";

import { createEgress } from "../egress/open-egress.ts";
import { createBubblewrapSandbox } from "../sandbox/adapters/bubblewrap.ts";
import { createContainerSandbox } from "../sandbox/adapters/container.ts";
import type { BoxIdentity } from "../sandbox/box-arguments.ts";
import { defaultSandboxLimits } from "../sandbox/limits.ts";
import { loopbackResolver } from "./egress-world.ts";
import { engineEnv } from "./engine-env.ts";
import { testHost } from "./host.ts";
import { makeTempDir } from "./temp-dir.ts";

const [driver = "", mark = "", identity] = process.argv.slice(2);

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));
}

const dir = makeTempDir();
mkdirSync(dir.at("work"), { mode: 0o777 });
const upstream = createHttpServer((_request, response) => response.end("hello"));
const other = createServer();
const [port, otherPort] = [await listen(upstream), await listen(other)];
const run = await createEgress({ resolver: loopbackResolver }, dir.at("box")).open({
  planId: "plan",
  stepId: "step",
  entries: [`api.example.org:${port}`],
  secretNames: [],
  used: { up: 0, down: 0 },
});
if (run === undefined) throw new Error("no way out");
const options = { host: testHost, arch: process.arch, scratchDir: dir.at("box") };
const sandbox =
  driver === "container"
    ? createContainerSandbox({ ...options, engineEnv })
    : createBubblewrapSandbox({
        ...options,
        ...(identity === undefined ? {} : { identity: identity as BoxIdentity }),
      });
const script = `
const got = await fetch("http://api.example.org:${port}/"); console.log(got.status, await got.text());
await fetch("http://other.example.org:${otherPort}/").catch(() => "${mark}" === "" && console.log("failed"));
if ("${mark}" !== "") await new Promise((done) => setTimeout(done, 60_000));`;
const result = await sandbox.run({
  argv: ["node", "--input-type=module", "-e", script],
  cwd: ".",
  workspaceDir: dir.at("work"),
  env: run.env,
  egress: run.gate,
  limits: { ...defaultSandboxLimits, wallMs: 30_000 },
  onOutput: (_channel, data) => {
    process.stdout.write(data);
  },
});
await run.finish();
upstream.closeAllConnections();
upstream.close();
other.close();
dir.remove();
process.exitCode = result.exitCode ?? 1;
