// Where a service listens: a unix socket or a loopback port. Anything else would be plain text on
// a network and is refused, unless both ends show certificates.
import { AgentError } from "../agent-error.ts";

const loopback = /^(?:127(?:\.\d{1,3}){3}|localhost|\[::1\]):(\d{1,5})$/u;

const anyHost = /^(?:(?:dns:\/{2,3})?[a-z\d](?:[a-z\d.-]*[a-z\d])?|\[[\da-f:.]+\]):(\d{1,5})$/u;

/** Checks `unix:/path` or `127.0.0.1:port` and gives it back; with mutual TLS also `host:port`. @throws AgentError invalid_input */
export function checkAddress(address: string, isMutualTls = false): string {
  if (/^unix:\/[^\0]+$/u.test(address)) return address;
  const port = loopback.exec(address)?.[1] ?? (isMutualTls ? anyHost.exec(address)?.[1] : undefined);
  if (Number(port ?? 65_536) <= 65_535) return address;
  if (isMutualTls) {
    throw new AgentError("invalid_input", "The address must be unix:/path or host:port.");
  }
  throw new AgentError("invalid_input", "The address must be unix:/path or a port of the loopback interface.", {
    details: {
      next: "Use an address like unix:/run/ossaat/runner.sock or 127.0.0.1:7070; set certificates for one off this machine.",
    },
  });
}

/** Path of a unix address, or undefined. */
export function socketPath(address: string): string | undefined {
  return address.startsWith("unix:") ? address.slice("unix:".length) : undefined;
}
