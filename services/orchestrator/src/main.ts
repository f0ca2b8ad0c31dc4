// Entry of an orchestrator in a process of its own.
import { AgentError } from "@ossaat/contracts";
import { CertificateSource, listenUntilStopped } from "@ossaat/contracts/grpc";
import { createLogger } from "@ossaat/telemetry";

import manifest from "../package.json" with { type: "json" };
import { startDistributed } from "./compose/distributed.ts";
import { readConfig } from "./config.ts";

async function main(): Promise<void> {
  const config = readConfig();
  const { certificateFiles: files, role, logLevel, secrets } = config;
  const { version } = manifest;
  const log = createLogger({ service: `ossaat-orchestrator-${role}`, version, level: logLevel, secrets });
  const certificates = files === undefined ? undefined : new CertificateSource({ files, log });
  const stopped = listenUntilStopped(certificates);
  const { promise: taken, resolve: onTaken } = Promise.withResolvers<AgentError>();
  const running = await startDistributed(config, { certificates, log, version, onTaken });
  log.info({ role, address: `127.0.0.1:${running.port}` }, "the orchestrator serves");
  const problem = await Promise.race([stopped, taken]);
  await running.stop();
  if (problem !== undefined) throw problem;
  log.info({ role }, "the orchestrator has stopped");
}

main().then(
  () => process.exit(0),
  (thrown: unknown) => {
    const { message, next } = AgentError.from(thrown);
    process.stderr.write(`ossaat-orchestrator: ${message}\nNext: ${next}\n`);
    process.exit(1);
  },
);
