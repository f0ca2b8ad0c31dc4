// A connection to one of the product's services.
import { Channel, ChannelCredentials } from "@grpc/grpc-js";
import { createClientFactory } from "nice-grpc";
import type { CompatServiceDefinition, Client } from "nice-grpc";

import { checkAddress } from "./address.ts";
import { receiveAgentErrors } from "./agent-error-metadata.ts";
import { sendToken } from "./call-token.ts";
import { grpcLimits } from "./limits.ts";

export type GrpcConnection = {
  /** A client of one service; its failures are AgentErrors. */
  client<Service extends CompatServiceDefinition>(definition: Service): Client<Service>;
  close(): void;
};

/** Opens lazily: the first call connects. `token` goes with every call. @throws AgentError invalid_input for an address off this machine */
export function connectGrpc(address: string, options: { token?: string } = {}): GrpcConnection {
  // NOTE: not nice-grpc's createChannel: it takes a socket path for a host and adds a port.
  const channel = new Channel(checkAddress(address), ChannelCredentials.createInsecure(), {
    "grpc.max_receive_message_length": grpcLimits.maxMessageBytes,
    "grpc.max_send_message_length": grpcLimits.maxMessageBytes,
    "grpc.keepalive_time_ms": grpcLimits.keepaliveMs,
  });
  const bare = createClientFactory();
  const { token } = options;
  const factory = (token === undefined ? bare : bare.use(sendToken(token))).use(receiveAgentErrors);
  return {
    client: (definition) => factory.create(definition, channel),
    close: () => channel.close(),
  };
}
