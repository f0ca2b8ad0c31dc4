// Entry of a gateway in a process of its own.
import { createServer } from "node:http";

import { AgentError, processNext } from "@ossaat/contracts";
import { listenUntilStopped } from "@ossaat/contracts/grpc";
import { drainServer, listenLocally } from "@ossaat/contracts/http";
import { mintInternalToken } from "@ossaat/orchestrator/identity";
import { createLogger, renderMetrics, startTracing } from "@ossaat/telemetry";

import manifest from "../package.json" with { type: "json" };
import { readConfig } from "./config.ts";
import { createGateway } from "./create-gateway.ts";
import { createReplicaProxy } from "./replica-proxy.ts";

async function main(): Promise<void> {
  const { port, replicas, allowedHosts, token, user, internalKey, drainMs, tracing: settings, logLevel } = readConfig();
  const { version } = manifest;
  const secrets = [token, Buffer.from(internalKey).toString("hex"), ...settings.secrets];
  const log = createLogger({ service: "ossaat-gateway", version, level: logLevel, secrets });
  const tracing = await startTracing({
    serviceName: "ossaat-gateway",
    version,
    settings,
    secrets,
    onProblem: (error) => log.warn({ error }, "spans cannot be exported"),
  });
  const stopped = listenUntilStopped(undefined);
  const proxy = createReplicaProxy({ replicas, log });
  const app = createGateway({
    upstream: proxy.forward,
    mintToken: ({ tenantId, userId, capabilities }) =>
      mintInternalToken({ tenantId, actor: { kind: "user", id: userId }, capabilities }, internalKey),
    token,
    localUser: user,
    allowedHosts,
    version,
    ready: () => proxy.ready(),
    metrics: () => renderMetrics(),
    onActivity: () => undefined,
    log,
  });
  const server = createServer(app);
  const next = "`export OSSAAT_GATEWAY_LISTEN=127.0.0.1:PORT` with a port that is free";
  const address = `127.0.0.1:${await listenLocally(server, { port, next })}`;
  log.info({ address, replicas }, "the gateway serves");
  await stopped;
  proxy.drain();
  await drainServer(server, drainMs);
  proxy.close();
  await tracing.shutdown();
  log.info({}, "the gateway has stopped");
}

main().then(
  () => process.exit(0),
  (thrown: unknown) => {
    const error = AgentError.from(thrown);
    process.stderr.write(`ossaat-gateway: ${error.message}\nNext: ${processNext(error)}\n`);
    process.exit(1);
  },
);
