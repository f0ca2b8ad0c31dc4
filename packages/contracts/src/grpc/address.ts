// Where a service listens: a unix socket or a loopback port. Anything else would be plain text on
// a network and is refused.
import { AgentError } from "../agent-error.ts";

const loopback = /^(?:127(?:\.\d{1,3}){3}|localhost|\[::1\]):(\d{1,5})$/u;

/** Checks `unix:/path` or `127.0.0.1:port` and gives it back. @throws AgentError invalid_input */
export function checkAddress(address: string): string {
  if (/^unix:\/[^\0]+$/u.test(address)) return address;
  if (Number(loopback.exec(address)?.[1] ?? 65_536) <= 65_535) return address;
  throw new AgentError("invalid_input", "The address must be unix:/path or a port of the loopback interface.", {
    details: { next: "Use an address like unix:/run/ossaat/runner.sock or 127.0.0.1:7070." },
  });
}

/** Path of a unix address, or undefined. */
export function socketPath(address: string): string | undefined {
  return address.startsWith("unix:") ? address.slice("unix:".length) : undefined;
}
