// Entry of an indexer in a process of its own.
import { AgentError, processNext } from "@ossaat/contracts";
import { CertificateSource, listenUntilStopped } from "@ossaat/contracts/grpc";
import { callSpan, createLogger, openSpan, startTracing } from "@ossaat/telemetry";

import manifest from "../package.json" with { type: "json" };
import { readConfig } from "./config.ts";
import { createIndexer } from "./create-indexer.ts";
import { indexGrpcLimits } from "./grpc/limits.ts";
import { serveIndexer } from "./serve-grpc.ts";

async function main(): Promise<void> {
  const { address, token, tls, cacheDir, maxHeapMb, tracing: settings, logLevel } = readConfig();
  const secrets = [...(token === undefined ? [] : [token]), ...settings.secrets];
  const log = createLogger({ service: "ossaat-indexer", version: manifest.version, level: logLevel, secrets });
  const tracing = await startTracing({
    serviceName: "ossaat-indexer",
    version: manifest.version,
    settings,
    secrets,
    onProblem: (error) => log.warn({ error }, "spans cannot be exported"),
  });
  const certificates = tls === undefined ? undefined : new CertificateSource({ files: tls.files, log });
  const stopped = listenUntilStopped(certificates);
  const index = createIndexer({ cacheDir, ...(maxHeapMb === undefined ? {} : { maxHeapMb }) });
  const server = await serveIndexer({
    index,
    address,
    token,
    log,
    tls: certificates && tls && { certificates, callers: tls.callers },
    openSpan: (call) => openSpan(callSpan(call)),
  });
  log.info({ address: server.address }, "the indexer serves");
  await stopped;
  // No new call is taken; those that run get their answer inside the grace.
  await server.close(indexGrpcLimits.drainMs);
  await index.close();
  await tracing.shutdown();
  log.info({}, "the indexer has stopped");
}

main().then(
  () => process.exit(0),
  (thrown: unknown) => {
    const error = AgentError.from(thrown);
    process.stderr.write(`ossaat-indexer: ${error.message}\nNext: ${processNext(error)}\n`);
    process.exit(1);
  },
);
