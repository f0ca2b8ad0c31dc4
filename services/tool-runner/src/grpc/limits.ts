// Named limits of the runner's gRPC server and client.
import { grpcLimits } from "@ossaat/contracts/grpc";

export const runnerGrpcLimits = {
  /** Milliseconds a call runs on without a reader: time to notice a broken stream and resume it. */
  detachGraceMs: 15_000,
  /** Bytes of record files in one message; more go in several. */
  maxRecordBytes: grpcLimits.maxMessageBytes - 64 * 1024,
} as const;
