// Entry of the embedded server's own process.
import { parseArgs } from "node:util";

import { AgentError } from "@ossaat/contracts";
import { redactText } from "@ossaat/telemetry";

import { loadConfig } from "./config.ts";
import { createServerLog } from "./server/server-log.ts";
import type { ServerLog } from "./server/server-log.ts";
import { folderOwnedExitCode } from "./server/start-server.ts";
import { serve } from "./server/serve.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    "dangerously-no-sandbox": { type: "boolean", default: false },
    foreground: { type: "boolean", default: false },
    trace: { type: "string" },
  },
});

/** What nothing caught ends the process, through the log: Node's own report is not redacted. */
function logFatal(log: ServerLog): void {
  const end = (error: unknown) => {
    log.error({ error }, "the server ends: an error was not handled");
    process.exit(1);
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
}

async function main(): Promise<void> {
  const config = await loadConfig();
  const log = await createServerLog(config, values.trace);
  logFatal(log);
  try {
    const server = await serve({
      config,
      sandbox: values["dangerously-no-sandbox"] ? "none" : "auto",
      port: Number(values.port),
      idleMs: values.foreground ? undefined : config.idleMinutes * 60_000,
      log,
    });
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      process.on(signal, () => void server.stop(signal));
    }
    await server.stopped;
  } finally {
    await log.close();
  }
}

main().then(
  () => process.exit(0),
  (thrown: unknown) => {
    const error = AgentError.from(thrown);
    process.stderr.write(`ossaat: ${error.message}\n`);
    if (error.code === "internal") {
      const trail = thrown instanceof Error ? (thrown.stack ?? "") : String(thrown);
      process.stderr.write(`${redactText(trail)}\n`);
    }
    process.stderr.write(`Next: ${error.next}\n`);
    process.exit(error.details["reason"] === "folder_owned" ? folderOwnedExitCode : 1);
  },
);
