// AgentError over gRPC: the exact code travels as metadata beside the coarser status. Middleware
// for both ends, so that no handler and no caller sees anything else.
import { ClientError, Metadata, ServerError } from "nice-grpc";
import type { CallContext, CallOptions, ClientMiddlewareCall, ServerMiddlewareCall, Status } from "nice-grpc";

import { AgentError, errorTable, unreachableReason } from "../agent-error.ts";
import type { ErrorCode, ErrorDetails } from "../agent-error.ts";
import { grpcLimits } from "./limits.ts";

export const codeKey = "agent-error-code";
const detailsKey = "agent-error-details-bin";

/** What a status means when no exact code came with it: an error of the transport itself. */
const codeByStatus: Readonly<Record<number, ErrorCode>> = {
  // A server that stops cuts its calls so. What the caller itself cancels ends with an abort error instead.
  1: "unavailable",
  3: "invalid_input",
  4: "timeout",
  5: "not_found",
  6: "conflict",
  7: "forbidden",
  8: "limit_exceeded",
  10: "conflict",
  14: "unavailable",
  16: "unauthenticated",
};

function isCode(text: string | undefined): text is ErrorCode {
  return text !== undefined && Object.hasOwn(errorTable, text);
}

/** Writes an error into the trailer and gives the status to throw. */
function toServerError(thrown: unknown, trailer: Metadata): ServerError {
  const error = AgentError.from(thrown);
  trailer.set(codeKey, error.code);
  const details = new TextEncoder().encode(JSON.stringify(error.details));
  // Details help; an error that cannot be sent for them does not.
  if (details.length <= grpcLimits.maxDetailsBytes) trailer.set(detailsKey, details);
  // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the table holds gRPC's own numbers
  const status = errorTable[error.code].grpcStatus as Status;
  return new ServerError(status, error.message.slice(0, grpcLimits.maxErrorChars));
}

function readDetails(trailer: Metadata | undefined): ErrorDetails {
  const bytes = trailer?.get(detailsKey);
  if (!(bytes instanceof Uint8Array)) return {};
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

/** What ended the handshake, said of the other side. It is tried again, for certificates are replaced while processes run. */
const tlsFailures: readonly (readonly [RegExp, string])[] = [
  [/server name mismatch/u, "shows a certificate of another name than the one expected."],
  [/certificate has expired|CERT_HAS_EXPIRED/u, "shows a certificate that has expired."],
  [/certificate is not yet valid/u, "shows a certificate that is not valid yet: check the clocks."],
  [
    /unable to (?:verify|get)|self[- ]signed|signature failure/u,
    "shows a certificate of an authority that this process does not trust.",
  ],
  // A server tells a client it does not accept nothing but the end of the connection.
  [
    /Failed to connect/u,
    "closed the connection at once: it may not accept the certificate of this process, or speak another protocol.",
  ],
  [/Failed to load credentials/u, "cannot be asked: this process has no certificate that can be used."],
];

function tlsFailure(details: string): string | undefined {
  return tlsFailures.find(([pattern]) => pattern.test(details))?.[1];
}

type Failed = { thrown: unknown; trailer: Metadata | undefined; peer: string };

/** The AgentError a failed call stands for. */
function fromClientError({ thrown, trailer, peer }: Failed): AgentError {
  if (!(thrown instanceof ClientError)) return AgentError.from(thrown);
  const code = trailer?.get(codeKey);
  if (isCode(code)) return new AgentError(code, thrown.details, { details: readDetails(trailer) });
  const wrongPeer = tlsFailure(thrown.details);
  const message = `${peer} ${wrongPeer ?? "could not be reached, or refused the message."}`;
  const known = codeByStatus[thrown.code] ?? "internal";
  const details = wrongPeer === undefined && known === "unavailable" ? { reason: unreachableReason } : {};
  return new AgentError(known, message, { details, cause: thrown });
}

/** Server middleware. `report` gets what is `internal`: the caller sees a fixed sentence. */
export function sendAgentErrors(report: (error: AgentError, path: string) => void) {
  return async function* <Request, Response>(call: ServerMiddlewareCall<Request, Response>, context: CallContext) {
    try {
      return yield* call.next(call.request, context);
    } catch (thrown) {
      const error = AgentError.from(thrown);
      if (error.code === "internal") report(error, call.method.path);
      throw toServerError(error, context.trailer);
    }
  };
}

/** Client middleware: every failure of a call is an AgentError. `peer` is the other side, as a sentence begins. */
export function receiveAgentErrors(peer: string) {
  return async function* <Request, Response>(call: ClientMiddlewareCall<Request, Response>, options: CallOptions) {
    let trailer: Metadata | undefined;
    const onTrailer = (received: Metadata): void => {
      trailer = received;
      options.onTrailer?.(received);
    };
    try {
      return yield* call.next(call.request, { ...options, onTrailer });
    } catch (thrown) {
      throw fromClientError({ thrown, trailer, peer });
    }
  };
}

/** Metadata of a call: trace context, when there is one. */
export function callMetadata(options: { traceparent?: string } | undefined): Metadata {
  const metadata = Metadata();
  if (options?.traceparent !== undefined) metadata.set("traceparent", options.traceparent);
  return metadata;
}
