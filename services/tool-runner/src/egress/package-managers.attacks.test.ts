// Real package managers through the way out of a box, under each driver: they install from a host of
// the step's list, trusting the authority of this very run, and from no other.
import { spawnSync } from "node:child_process";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createBubblewrapSandbox } from "../sandbox/adapters/bubblewrap.ts";
import { createContainerSandbox } from "../sandbox/adapters/container.ts";
import { findProgram } from "../sandbox/find-program.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { EgressWorld, describeRecord, loopbackResolver } from "../testing/egress-world.ts";
import type { Upstream } from "../testing/egress-world.ts";
import { engineEnv } from "../testing/engine-env.ts";
import { testHost } from "../testing/host.ts";
import { openRunner, wideEnvelope } from "../testing/open-runner.ts";
import type { OpenRunner, Outcome } from "../testing/open-runner.ts";
import { packageRegistry } from "../testing/package-registry.ts";
import { makeTempDir } from "../testing/temp-dir.ts";

const host = "packages.example.org";
const options = { host: testHost, arch: process.arch };
const drivers: Readonly<Record<string, (scratchDir: string) => Sandbox>> = {
  bubblewrap: (scratchDir) => createBubblewrapSandbox({ ...options, scratchDir }),
  container: (scratchDir) => createContainerSandbox({ ...options, scratchDir, engineEnv }),
};

type Manager = {
  name: string;
  isThere: boolean;
  /** Installs the package from a registry at `base`. */
  install: (base: string) => string[];
  /** Says what the package says. */
  use: string[];
  said: string;
  asked: readonly string[];
};

const managers: readonly Manager[] = [
  {
    name: "npm",
    // A box shows programs of the system, not of somebody's home folder.
    isThere: (await findProgram(testHost.path, "npm"))?.startsWith("/usr/") === true,
    install: (base) =>
      `npm install tiny --registry ${base} --no-audit --no-fund --ignore-scripts --fetch-retries=0`.split(" "),
    use: ["node", "-p", 'require("tiny")'],
    said: "tiny of npm",
    asked: ["/tiny", "/tiny/-/tiny-1.0.0.tgz"],
  },
  {
    name: "pip",
    isThere: spawnSync("/usr/bin/python3", ["-c", "import pip"]).status === 0,
    install: (base) =>
      `/usr/bin/python3 -m pip install tiny-wheel --index-url ${base}/simple --target lib --retries 0 --disable-pip-version-check`.split(
        " ",
      ),
    use: ["/usr/bin/python3", "-c", 'import sys; sys.path.insert(0, "lib"); import tiny_wheel; print(tiny_wheel.said)'],
    said: "tiny of pip",
    asked: ["/simple/tiny-wheel/", "/files/tiny_wheel-1.0.0-py3-none-any.whl"],
  },
];

for (const [driver, create] of Object.entries(drivers)) {
  const trial = makeTempDir();
  const probe = await create(trial.at("box")).probe();
  trial.remove();
  const reason = probe.usable ? "" : ` (skipped: ${probe.detail})`;

  describe.skipIf(!probe.usable)(`package managers in ${driver}${reason}`, () => {
    const world = new EgressWorld();
    const dir = makeTempDir();
    let registry: Upstream;
    let runner: OpenRunner;

    beforeAll(async () => {
      registry = await world.secureUpstream(host, packageRegistry());
      runner = await openRunner(
        { "package.json": '{"name":"user","version":"1.0.0"}\n', ".gitignore": "node_modules\nlib\n" },
        {
          driver: create(dir.at("box")),
          egress: { resolver: loopbackResolver, upstreamCa: [(await world.outside).certificate] },
        },
      );
    });
    afterAll(async () => {
      await runner.close();
      world.close();
      dir.remove();
    });

    const run = (argv: string[]): Promise<Outcome> => {
      const egressHosts = [`GET https://${host}:${registry.port}/*`];
      return runner.call(
        "run_command",
        { argv },
        { envelope: { ...wideEnvelope, commands: [...wideEnvelope.commands, "npm"], egressHosts } },
      );
    };
    const told = ({ output }: Outcome) => [
      output?.commands?.[0]?.exitCode,
      (output?.egress_requests ?? []).map(describeRecord),
    ];

    describe.each(managers)("$name", ({ name, isThere, install, use, said, asked }) => {
      const why = isThere ? "" : ` (skipped: the system has no ${name})`;

      it.skipIf(!isThere)(`installs from a host of the list, by the authority of the run${why}`, async () => {
        const installed = await run(install(`https://${host}:${registry.port}`));
        expect(told(installed), installed.text).toEqual([0, asked.map((path) => `allowed GET ${host}${path} x1`)]);
        expect((await run(use)).text.split("\n").at(-1)).toBe(said);
      });

      it.skipIf(!isThere)(`installs from no other host${why}`, async () => {
        const before = registry.requests.length;
        const refused = await run(install(`https://other.example.org:${registry.port}`));
        const [code, records] = told(refused);
        expect([code === 0, records, registry.requests.length - before]).toEqual([
          false,
          ["denied CONNECT other.example.org host_not_listed x1"],
          0,
        ]);
      });
    });
  });
}
