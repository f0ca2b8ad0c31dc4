// The token that a server on a port asks of its callers: any user of the machine can reach a port.
import { createHash, timingSafeEqual } from "node:crypto";

import { Metadata } from "nice-grpc";
import type { CallContext, CallOptions, ClientMiddlewareCall, ServerMiddlewareCall } from "nice-grpc";

import { AgentError } from "../agent-error.ts";
import { grpcLimits } from "./limits.ts";

const key = "authorization";
/** Probes carry no token; they only hear whether the server serves. */
export const openService = "/grpc.health.v1.Health/";

/** Digests have one length, whatever was sent: comparing them tells nothing by its time. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** A token others cannot guess. @throws AgentError invalid_input */
function checkToken(token: string): string {
  if (/^[\x21-\x7e]+$/u.test(token) && token.length >= grpcLimits.minTokenChars) return token;
  throw new AgentError(
    "invalid_input",
    `A token has at least ${grpcLimits.minTokenChars} visible ASCII characters, without spaces.`,
    { details: { next: "openssl rand -hex 32" } },
  );
}

/** Server middleware: every call but a health check brings the token. */
export function requireToken(token: string) {
  const wanted = digest(`Bearer ${checkToken(token)}`);
  return async function* <Request, Response>(call: ServerMiddlewareCall<Request, Response>, context: CallContext) {
    const sent = context.metadata.get(key);
    const isKnown = timingSafeEqual(digest(sent ?? ""), wanted);
    if (!isKnown && !call.method.path.startsWith(openService)) {
      throw new AgentError("unauthenticated", "The call brings no token that this server knows.");
    }
    return yield* call.next(call.request, context);
  };
}

/** Client middleware: sends the token with every call. */
export function sendToken(token: string) {
  const value = `Bearer ${checkToken(token)}`;
  return async function* <Request, Response>(call: ClientMiddlewareCall<Request, Response>, options: CallOptions) {
    const metadata = Metadata(options.metadata).set(key, value);
    return yield* call.next(call.request, { ...options, metadata });
  };
}
