// Entry of an orchestrator in a process of its own.
import { AgentError, processNext } from "@ossaat/contracts";
import { CertificateSource, listenUntilStopped } from "@ossaat/contracts/grpc";
import { createLogger, startTracing } from "@ossaat/telemetry";

import manifest from "../package.json" with { type: "json" };
import { startDistributed } from "./compose/distributed.ts";
import { readConfig } from "./config.ts";

async function main(): Promise<void> {
  const config = readConfig();
  const { certificateFiles: files, role, logLevel, secrets, tracing: settings } = config;
  const { version } = manifest;
  const service = `ossaat-orchestrator-${role}`;
  const log = createLogger({ service, version, level: logLevel, secrets });
  const onProblem = (error: Error) => log.warn({ error }, "spans cannot be exported");
  const tracing = await startTracing({ serviceName: service, version, settings, secrets, onProblem });
  const certificates = files === undefined ? undefined : new CertificateSource({ files, log });
  const stopped = listenUntilStopped(certificates);
  const { promise: taken, resolve: onTaken } = Promise.withResolvers<AgentError>();
  const starting = startDistributed(config, { certificates, log, version, onTaken });
  // It may wait for others for a minute; what it has until then ends with the process.
  const running = await Promise.race([starting, stopped.then(() => undefined)]);
  if (running === undefined) {
    await tracing.shutdown();
    log.info({ role }, "the orchestrator has stopped before it served");
    return;
  }
  log.info({ role, address: `127.0.0.1:${running.port}` }, "the orchestrator serves");
  const problem = await Promise.race([stopped, taken]);
  await running.stop();
  await tracing.shutdown();
  if (problem !== undefined) throw problem;
  log.info({ role }, "the orchestrator has stopped");
}

main().then(
  () => process.exit(0),
  (thrown: unknown) => {
    const error = AgentError.from(thrown);
    process.stderr.write(`ossaat-orchestrator: ${error.message}\nNext: ${processNext(error)}\n`);
    process.exit(1);
  },
);
