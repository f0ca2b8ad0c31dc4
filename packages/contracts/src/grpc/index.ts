// What services need to speak gRPC with each other. Server side only: browsers never import it.
export { checkAddress } from "./address.ts";
export { callMetadata } from "./agent-error-metadata.ts";
export { connectGrpc } from "./connect.ts";
export type { GrpcConnection } from "./connect.ts";
export { grpcLimits } from "./limits.ts";
export { serveGrpc } from "./serve.ts";
export type { GrpcServer } from "./serve.ts";
