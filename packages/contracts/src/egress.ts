// What is recorded of each decision about a step's network access.
import { z } from "zod";

import { AgentError } from "./agent-error.ts";

/** Why a request did not go through. */
export const EgressReason = z.enum([
  /** No entry covers host and port. */
  "host_not_listed",
  "method_not_listed",
  "path_not_listed",
  /** The name leads to this machine, its network or a metadata service. */
  "address_not_public",
  "not_resolved",
  /** Not a request that can be judged: a strange host, an ambiguous path, a broken message. */
  "malformed",
  /** The run's own token was missing, or another run's was shown. */
  "unauthenticated",
  /** The handshake in a tunnel names another host than the tunnel's. */
  "other_server_name",
  "byte_budget",
  "too_many_requests",
  /** What was let through could not be done: no connection, no answer in time, a broken answer. */
  "upstream_failed",
  /** The answer could not be searched for the secret that was sent. */
  "unreadable_answer",
]);
export type EgressReason = z.infer<typeof EgressReason>;

/** Decisions about requests that look the same, with what they carried together. */
export const EgressRecord = z.looseObject({
  /** As it was asked for, escaped where it is no host name. */
  host: z.string(),
  port: z.int().nonnegative(),
  /** `CONNECT` = a tunnel nobody looked into. */
  method: z.string(),
  /** Without its query; absent when it was not seen. */
  path: z.string().optional(),
  decision: z.enum(["allowed", "denied"]),
  reason: EgressReason.optional(),
  count: z.int().positive(),
  bytesUp: z.int().nonnegative(),
  bytesDown: z.int().nonnegative(),
  /** Name of the secret the proxy added. */
  secret: z.string().optional(),
});
export type EgressRecord = z.infer<typeof EgressRecord>;

/** Bytes that a step has moved through its way out: they outlive the runner that counted them. */
export type EgressUse = { up: number; down: number };

const useKeys = { up: "egress-bytes-up", down: "egress-bytes-down" } as const;

/** What earlier calls of a step moved, as metadata of the next invocation; nothing moved is nothing said. */
export function egressUseMetadata({ up, down }: EgressUse): Record<string, string> {
  return up + down === 0 ? {} : { [useKeys.up]: String(up), [useKeys.down]: String(down) };
}

/** @throws AgentError invalid_input for what is no count of bytes */
export function readEgressUse(metadata: Readonly<Record<string, string>>): EgressUse {
  const read = (key: string): number => {
    const text = metadata[key] ?? "0";
    if (/^\d{1,15}$/u.test(text)) return Number(text);
    throw new AgentError("invalid_input", `The metadata ${key} is no count of bytes.`);
  };
  return { up: read(useKeys.up), down: read(useKeys.down) };
}
