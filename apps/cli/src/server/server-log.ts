// The log and the traces of the embedded server. The log goes to standard output, which the
// CLI points at server.log when it starts the server in the background.
import { AgentError } from "@ossaat/contracts";
import { createLogger, readTracingSettings, serviceName, startTracing } from "@ossaat/telemetry";
import type { Logger, Tracing } from "@ossaat/telemetry";

import type { Config } from "../config.ts";
import { version } from "../version.ts";

export type ServerLog = Logger & {
  /** Exports the last spans; the log itself has nothing left to write. */
  close(): Promise<void>;
};

/** Values of this process that no log line and no span may hold. */
function secretsOf({ providerEnv, remote, queue }: Config): string[] {
  const { OPENAI_API_KEY, ANTHROPIC_API_KEY } = providerEnv;
  const told = [OPENAI_API_KEY, ANTHROPIC_API_KEY, remote?.token, queue?.password];
  return told.filter((value) => value !== undefined);
}

function traceFileProblem(file: string, error: unknown): AgentError {
  return new AgentError("invalid_input", `The trace file ${file} cannot be written.`, {
    details: { next: "`ossaat --trace FILE status` with a file in an existing folder of yours" },
    cause: error,
  });
}

/**
 * Opens the log, and tracing when an exporter is configured.
 * @throws AgentError invalid_input when the trace file cannot be written
 */
export async function createServerLog(config: Config, traceFile?: string): Promise<ServerLog> {
  const settings = readTracingSettings(config.tracingEnv);
  const secrets = [...secretsOf(config), ...settings.secrets];
  const log = createLogger({ service: serviceName, version, level: config.logLevel, secrets });
  const tracing: Tracing = await startTracing({
    serviceName,
    version,
    settings,
    traceFile,
    secrets,
    onProblem: (error) => log.warn({ error }, "spans cannot be exported"),
  }).catch((error: unknown) => {
    throw traceFile === undefined ? error : traceFileProblem(traceFile, error);
  });
  return { ...log, close: () => tracing.shutdown() };
}
