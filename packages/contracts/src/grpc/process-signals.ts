// The signals of a service process: one asks it to end, one to read its certificates again.
import type { CertificateSource } from "./certificate-source.ts";

/** Resolves at the first SIGTERM or SIGINT. SIGHUP reads the certificates again; without any it ends the process too. */
export function listenUntilStopped(certificates: CertificateSource | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => resolve());
  process.on("SIGHUP", () => (certificates === undefined ? resolve() : certificates.reload()));
  return promise;
}
