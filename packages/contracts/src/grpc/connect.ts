// A connection to one of the product's services.
import { Channel, ChannelCredentials, experimental } from "@grpc/grpc-js";
import { createClientFactory } from "nice-grpc";
import type { CompatServiceDefinition, Client } from "nice-grpc";

import { checkAddress } from "./address.ts";
import { receiveAgentErrors } from "./agent-error-metadata.ts";
import { sendTrace } from "./call-trace.ts";
import { sendToken } from "./call-token.ts";
import type { CertificateSource } from "./certificate-source.ts";
import { grpcLimits } from "./limits.ts";
import { checkPeerName, expectServer, serverNameIndication } from "./peer-names.ts";

/** Mutual TLS: what the client shows and which server it talks to. */
export type ClientTls = {
  certificates: CertificateSource;
  /** Name the server's certificate must carry: a host name, or `spiffe://domain/path`. */
  serverName: string;
};

export type ConnectOptions = {
  /** What answers there, as `tool runner`: errors name it. */
  service?: string | undefined;
  token?: string | undefined;
  tls?: ClientTls | undefined;
  /** `traceparent` of what runs now, sent with every call. */
  currentTrace?: (() => string | undefined) | undefined;
};

export type GrpcConnection = {
  /** A client of one service; its failures are AgentErrors. */
  client<Service extends CompatServiceDefinition>(definition: Service): Client<Service>;
  close(): void;
};

function credentialsOf(tls: ClientTls | undefined): ChannelCredentials {
  if (tls === undefined) return ChannelCredentials.createInsecure();
  const { certificates, serverName } = tls;
  return experimental.createCertificateProviderChannelCredentials(certificates, certificates, {
    checkServerIdentity: expectServer(checkPeerName(serverName)),
  });
}

/** A socket in a folder of the product's own says nothing to a person. */
function peerOf(address: string, service = "service"): string {
  return address.startsWith("unix:") ? `The ${service}` : `The ${service} at ${address}`;
}

/** Opens lazily: the first call connects. `token` goes with every call. @throws AgentError invalid_input for an address off this machine without `tls` */
export function connectGrpc(address: string, options: ConnectOptions = {}): GrpcConnection {
  const { service, token, tls, currentTrace = () => undefined } = options;
  // NOTE: not nice-grpc's createChannel: it takes a socket path for a host and adds a port.
  const channel = new Channel(checkAddress(address, tls !== undefined), credentialsOf(tls), {
    "grpc.max_receive_message_length": grpcLimits.maxMessageBytes,
    "grpc.max_send_message_length": grpcLimits.maxMessageBytes,
    "grpc.keepalive_time_ms": grpcLimits.keepaliveMs,
    ...(tls === undefined ? {} : { "grpc.ssl_target_name_override": serverNameIndication(tls.serverName) }),
  });
  const bare = createClientFactory();
  const factory = (token === undefined ? bare : bare.use(sendToken(token)))
    .use(sendTrace(currentTrace))
    .use(receiveAgentErrors(peerOf(address, service)));
  return {
    client: (definition) => factory.create(definition, channel),
    close: () => channel.close(),
  };
}
