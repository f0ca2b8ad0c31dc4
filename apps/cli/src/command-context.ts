// What every command gets: settings, output, style, the folder it works in and a connection.
import { statSync } from "node:fs";
import path from "node:path";

import { AgentError } from "@ossaat/contracts/errors";

import { loadConfig } from "./config.ts";
import type { Config } from "./config.ts";
import { connect } from "./server/connect.ts";
import type { Connection } from "./server/connect.ts";
import { escapeText } from "./terminal/escape.ts";
import { createOutput } from "./terminal/output.ts";
import type { GlobalFlags, Output } from "./terminal/output.ts";
import { createStyle } from "./terminal/style.ts";
import type { Style } from "./terminal/style.ts";

/** Flags that every command takes. */
export type CommonFlags = GlobalFlags & {
  cd?: string;
  trace?: string;
  dangerouslyNoSandbox?: boolean;
};

export type CommandContext = {
  config: Config;
  output: Output;
  style: Style;
  /** Absolute; where the command acts, `-C` or the current folder. */
  folder: string;
  /** The server, started when none answers. @throws AgentError unavailable, conflict */
  connect(options?: { mustFit?: boolean }): Promise<Connection>;
};

function existingFolder(flag: string | undefined): string {
  const folder = path.resolve(flag ?? ".");
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return folder;
  throw new AgentError("invalid_input", `There is no folder ${JSON.stringify(flag)} (-C).`);
}

/** @throws AgentError policy_denied where the sandbox is required */
export function requireNoRule({ isSandboxRequired, loaded }: Config): void {
  if (!isSandboxRequired) return;
  const origin = loaded.settings.get("sandbox.required")?.origin.where ?? "";
  throw new AgentError("policy_denied", `--dangerously-no-sandbox is refused: the sandbox is required (${origin}).`, {
    details: { next: "ossaat doctor" },
  });
}

/** @throws AgentError invalid_input for a flag, variable or file that cannot be used */
export async function createContext(
  flags: CommonFlags,
  { isForgiving = false }: { isForgiving?: boolean } = {},
): Promise<CommandContext> {
  const folder = existingFolder(flags.cd);
  const config = await loadConfig({ flags, folder, isForgiving });
  const output = createOutput(flags, config);
  for (const notice of config.notices) output.warn(`ossaat: ${escapeText(notice)}`);
  return {
    config,
    output,
    style: createStyle(output),
    folder,
    connect: async ({ mustFit = false } = {}) => {
      if (flags.dangerouslyNoSandbox === true) requireNoRule(config);
      const connection = await connect(config, {
        mustFit,
        ...(flags.dangerouslyNoSandbox === true ? { dangerouslyNoSandbox: true } : {}),
        ...(flags.trace === undefined ? {} : { traceFile: flags.trace }),
        onMend: (what) => output.warn(what),
        ...(output.isInteractive ? { onStart: () => output.note("Starting the embedded server …") } : {}),
      });
      if (connection.notice !== undefined) output.warn(connection.notice);
      if (flags.dangerouslyNoSandbox === true) {
        output.warn("NO SANDBOX: the agents' commands run with your own rights (--dangerously-no-sandbox).");
      }
      return connection;
    },
  };
}
