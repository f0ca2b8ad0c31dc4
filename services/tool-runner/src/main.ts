// Entry of a tool runner in a process of its own.
import { AgentError, processNext } from "@ossaat/contracts";
import { CertificateSource, listenUntilStopped } from "@ossaat/contracts/grpc";
import { createFileSecrets } from "@ossaat/secrets";
import { callSpan, createLogger, openSpan, serveMetrics, startTracing } from "@ossaat/telemetry";

import { readConfig, readVariable } from "./config.ts";
import { openToolRunner } from "./open-tool-runner.ts";
import { serveToolRunner } from "./serve-grpc.ts";
import { runnerVersion } from "./version.ts";

async function main(): Promise<void> {
  const { address, token, tls, stateDir, rules, secretsFile, metricsPort, tracing: settings, logLevel } = readConfig();
  const secrets = [...(token === undefined ? [] : [token]), ...settings.secrets];
  const log = createLogger({ service: "ossaat-tool-runner", version: runnerVersion, level: logLevel, secrets });
  const tracing = await startTracing({
    serviceName: "ossaat-tool-runner",
    version: runnerVersion,
    settings,
    secrets,
    onProblem: (error) => log.warn({ error }, "spans cannot be exported"),
  });
  const certificates = tls === undefined ? undefined : new CertificateSource({ files: tls.files, log });
  const stopped = listenUntilStopped(certificates);
  const forSteps =
    secretsFile === undefined ? undefined : createFileSecrets({ file: secretsFile, variable: readVariable });
  const { runner } = await openToolRunner({ ...rules, secrets: forSteps }, { stateDir, logger: log });
  await runner.clearLeftovers();
  const server = await serveToolRunner({
    ...runner,
    address,
    token,
    log,
    tls: certificates && tls && { certificates, callers: tls.callers },
    openSpan: (call) => openSpan(callSpan(call)),
  });
  const metrics = metricsPort === undefined ? undefined : await serveMetrics(metricsPort);
  if (metrics !== undefined) log.info({ url: metrics.url }, "metrics are served");
  const health = await runner.health();
  log.info({ address: server.address, ...health }, "the tool runner serves");
  await stopped;
  // Calls end first, so that their readers hear at once that nobody runs them any more.
  await runner.close();
  await server.close();
  await metrics?.close();
  await tracing.shutdown();
  log.info({}, "the tool runner has stopped");
}

main().then(
  () => process.exit(0),
  (thrown: unknown) => {
    const error = AgentError.from(thrown);
    process.stderr.write(`ossaat-tool-runner: ${error.message}\nNext: ${processNext(error)}\n`);
    process.exit(1);
  },
);
