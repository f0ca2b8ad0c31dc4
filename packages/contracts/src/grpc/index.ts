// What services need to speak gRPC with each other. Server side only: browsers never import it.
export { checkAddress } from "./address.ts";
export { callMetadata } from "./agent-error-metadata.ts";
export type { CertificateFiles } from "./certificate-files.ts";
export type { CallSpan, OpenCallSpan } from "./call-trace.ts";
export { CertificateSource } from "./certificate-source.ts";
export { connectGrpc } from "./connect.ts";
export type { ClientTls, ConnectOptions, GrpcConnection } from "./connect.ts";
export { grpcLimits } from "./limits.ts";
export { listenUntilStopped } from "./process-signals.ts";
export { serveGrpc } from "./serve.ts";
export type { GrpcServer, ServerTls } from "./serve.ts";
export { readCertificateSettings, readServerTlsSettings } from "./tls-settings.ts";
export type { ServerTlsSettings } from "./tls-settings.ts";
