// A runner of its own in a process of its own, to be killed in the middle of a run.
import { createContainerSandbox } from "../sandbox/adapters/container.ts";
import { engineEnv } from "./engine-env.ts";
import { testHost } from "./host.ts";
import { runIn } from "./run-in.ts";

const [scratchDir = "", workspaceDir = "", seconds = ""] = process.argv.slice(2);
const sandbox = createContainerSandbox({ host: testHost, arch: process.arch, scratchDir, engineEnv });
await runIn(sandbox, workspaceDir, ["sh", "-c", `echo on; exec sleep ${seconds}`], {
  onOutput: () => void process.stdout.write("on\n"),
});
