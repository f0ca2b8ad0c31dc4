// Who a peer is: the names its certificate carries, compared whole. The common name counts for
// nothing, and there are no wildcards.
import type { PeerCertificate } from "node:tls";

import { Metadata, ServerInterceptingCall, status } from "@grpc/grpc-js";
import type { ServerInterceptor } from "@grpc/grpc-js";

import { AgentError } from "../agent-error.ts";
import { codeKey } from "./agent-error-metadata.ts";
import { openService } from "./call-token.ts";

const dnsName = /^(?=.{1,253}$)[a-z\d](?:[a-z\d-]*[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]*[a-z\d])?)*$/u;
const uriName = /^spiffe:\/\/([a-z\d._-]{1,255})((?:\/[\w.-]+)+)$/u;

/** Checks a name and gives it back: a host name in lower case, or `spiffe://domain/path`. @throws AgentError invalid_input */
export function checkPeerName(name: string): string {
  if (dnsName.test(name) || uriName.test(name)) return name;
  throw new AgentError("invalid_input", `${JSON.stringify(name)} is no name a certificate can be asked for.`, {
    details: { next: "Use a host name like runner.example or a name like spiffe://example/runner." },
  });
}

/** DNS and URI names among the subject's alternative names. */
export function peerNames(certificate: Pick<PeerCertificate, "subjectaltname"> | undefined): string[] {
  const text = certificate?.subjectaltname ?? "";
  // Node quotes a name that could be taken for several; such a certificate has no name for us.
  if (text.includes('"')) return [];
  return text
    .split(", ")
    .map((entry) => /^(?:DNS|URI):(.+)$/u.exec(entry)?.[1])
    .filter((name) => name !== undefined);
}

/** What TLS offers as the wanted server's name: never an address, which the standard forbids. */
export function serverNameIndication(name: string): string {
  return uriName.exec(name)?.[1] ?? name;
}

/** Accepts a server by one name alone, after TLS has checked who vouches for it. */
export function expectServer(name: string) {
  return (_host: string, certificate: PeerCertificate): Error | undefined => {
    const found = peerNames(certificate);
    if (found.includes(name)) return undefined;
    return new Error(`server name mismatch: expected ${name}, found ${found.join(" ") || "none"}`);
  };
}

/** Refuses calls of peers that are not among `callers`. A health check needs no name, only a certificate. */
export function requireCaller(callers: readonly string[]): ServerInterceptor {
  if (callers.length === 0) {
    throw new AgentError("invalid_input", "A server with mutual TLS needs the names of its callers.");
  }
  const known = new Set(callers.map(checkPeerName));
  return (method, call) => {
    const isKnown = peerNames(call.getAuthContext().sslPeerCertificate).some((name) => known.has(name));
    if (isKnown || method.path.startsWith(openService)) return new ServerInterceptingCall(call);
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          // The call goes no further: its handler never hears of it.
          onReceiveMetadata: () => {
            const metadata = new Metadata();
            metadata.set(codeKey, "forbidden");
            const details = "The certificate of the caller carries no name that this server lets in.";
            call.sendStatus({ code: status.PERMISSION_DENIED, details, metadata });
          },
        }),
    });
  };
}
