// The one way in which a tool runner is opened for a server, within its process or as a process of its own.
// Who opens it names every rule; what is left out does not compile.
import { AgentError } from "@ossaat/contracts";
import type { SecretSource } from "@ossaat/contracts";

import { createDriverTrial } from "./create-driver-trial.ts";
import { createToolRunner } from "./create-tool-runner.ts";
import type { ToolRunner, ToolRunnerOptions } from "./create-tool-runner.ts";
import { chooseDriver } from "./sandbox/choose-driver.ts";
import type { DriverSetting } from "./sandbox/choose-driver.ts";

/** What the administrator lays down for every command that runs here. */
export type RunnerRules = {
  /** `none` runs commands without isolation. */
  sandbox: DriverSetting | "none";
  isSandboxRequired: boolean;
  /** Image whose files a container has; undefined = the machine's own. */
  image: string | undefined;
  /** What the working tree of a step and its build cache may take on the disk, GiB; undefined = the default. */
  treeGib: number | undefined;
  /** How many files and folders they may hold; undefined = the default. */
  treeFiles: number | undefined;
  /** Where secrets that steps name come from; undefined = there are none. */
  secrets: SecretSource | undefined;
};

export type RunnerPlace = Pick<ToolRunnerOptions, "stateDir" | "logger"> & {
  /** How tests get between its parts. */
  arrange?: ToolRunnerOptions["arrange"] | undefined;
};

export type OpenedRunner = { runner: ToolRunner; sandbox: ToolRunnerOptions["sandbox"] };

function limitsOf({ treeGib, treeFiles }: RunnerRules): NonNullable<ToolRunnerOptions["limits"]> {
  return {
    ...(treeGib === undefined ? {} : { treeBytes: Math.floor(treeGib * 1024 ** 3) }),
    ...(treeFiles === undefined ? {} : { treeEntries: treeFiles }),
  };
}

async function driverOf({ sandbox, isSandboxRequired, image }: RunnerRules): Promise<ToolRunnerOptions["sandbox"]> {
  if (sandbox !== "none") return chooseDriver(sandbox, createDriverTrial(image));
  if (!isSandboxRequired) return sandbox;
  throw new AgentError("policy_denied", "Commands would run without isolation, and the sandbox is required.", {
    details: {
      next: "`ossaat config explain sandbox.required` says who requires it; for a tool runner of its own OSSAAT_RUN_MODE and OSSAAT_SANDBOX_REQUIRED do",
    },
  });
}

/** @throws AgentError policy_denied when the sandbox is required and there is to be none */
export async function openToolRunner(
  rules: RunnerRules,
  { stateDir, logger, arrange }: RunnerPlace,
): Promise<OpenedRunner> {
  const { image, secrets } = rules;
  const sandbox = await driverOf(rules);
  const runner = createToolRunner({
    stateDir,
    sandbox,
    image,
    limits: limitsOf(rules),
    logger,
    egress: secrets === undefined ? {} : { secrets },
    ...(arrange === undefined ? {} : { arrange }),
  });
  return { runner, sandbox };
}
