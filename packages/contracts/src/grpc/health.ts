// The standard health service, answered by what the service itself says of its state.
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError } from "../agent-error.ts";
import { HealthCheckResponse_ServingStatus } from "../gen/grpc/health/v1/health.ts";
import type { HealthServiceImplementation } from "../gen/grpc/health/v1/health.ts";

/** Milliseconds between two looks of a watcher: a probe is a trial run in the sandbox. */
const watchMs = 5_000;

/** `services` are full names; the empty name asks for the whole process. */
export function createHealthHandlers(
  services: readonly string[],
  isServing: () => Promise<boolean>,
): HealthServiceImplementation {
  const read = async (name: string) => {
    if (name !== "" && !services.includes(name)) return HealthCheckResponse_ServingStatus.SERVICE_UNKNOWN;
    return (await isServing())
      ? HealthCheckResponse_ServingStatus.SERVING
      : HealthCheckResponse_ServingStatus.NOT_SERVING;
  };
  return {
    async check(request) {
      const status = await read(request.service);
      if (status !== HealthCheckResponse_ServingStatus.SERVICE_UNKNOWN) return { status };
      throw new AgentError("not_found", "There is no service of that name here.");
    },
    async *watch(request, { signal }) {
      let last: unknown;
      for (;;) {
        const status = await read(request.service);
        if (status !== last) yield { status };
        last = status;
        await sleep(watchMs, undefined, { signal });
      }
    },
  };
}
