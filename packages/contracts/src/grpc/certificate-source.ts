// Certificates that can be replaced while a process runs: files are looked at again, and what was
// good stays in use when the new ones are not.
import { statSync } from "node:fs";

import type { experimental } from "@grpc/grpc-js";

import { AgentError } from "../agent-error.ts";
import { readCertificates } from "./certificate-files.ts";
import type { CertificateFiles, Certificates } from "./certificate-files.ts";
import { grpcLimits } from "./limits.ts";

type CaListener = experimental.CaCertificateUpdateListener;
type IdentityListener = experimental.IdentityCertificateUpdateListener;

export type CertificateSourceOptions = {
  files: CertificateFiles;
  /** Hears of every exchange, and of files that were refused. */
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Milliseconds. */
  now?: () => number;
  /** Milliseconds between two looks at the files. */
  pollMs?: number;
};

/** Own certificate and trusted authorities of one process, always the newest good ones. */
export class CertificateSource implements experimental.CertificateProvider {
  readonly #options: CertificateSourceOptions;
  readonly #caListeners = new Set<CaListener>();
  readonly #identityListeners = new Set<IdentityListener>();
  readonly #timer: NodeJS.Timeout;
  #current: Certificates;
  #seen: string;

  /** @throws AgentError invalid_input when the files are not good */
  constructor(options: CertificateSourceOptions) {
    this.#options = options;
    this.#seen = this.#stamp();
    this.#current = readCertificates(options.files, this.#now());
    this.#timer = setInterval(() => this.#look(), options.pollMs ?? grpcLimits.certificatePollMs);
    this.#timer.unref();
  }

  /** Reads the files now; new connections use what they hold. Bad files are logged and not used. */
  reload(): void {
    const { log } = this.#options;
    this.#seen = this.#stamp();
    try {
      this.#current = readCertificates(this.#options.files, this.#now());
    } catch (thrown) {
      const { message, next } = AgentError.from(thrown);
      log.warn({ reason: message, next }, "The new certificates are not used; the old ones stay.");
      return;
    }
    for (const listener of this.#caListeners) this.#tellCa(listener);
    for (const listener of this.#identityListeners) this.#tellIdentity(listener);
    log.info({}, "The certificates were read again.");
  }

  close(): void {
    clearInterval(this.#timer);
  }

  addCaCertificateListener(listener: CaListener): void {
    this.#caListeners.add(listener);
    // Not at once: the one who adds a listener is not ready yet.
    process.nextTick(() => this.#tellCa(listener));
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#caListeners.delete(listener);
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.add(listener);
    process.nextTick(() => this.#tellIdentity(listener));
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.delete(listener);
  }

  #tellCa(listener: CaListener): void {
    listener({ caCertificate: this.#current.ca });
  }

  #tellIdentity(listener: IdentityListener): void {
    listener({ certificate: this.#current.cert, privateKey: this.#current.key });
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  #look(): void {
    if (this.#stamp() !== this.#seen) this.reload();
  }

  /** What tells a file from its successor, links included: an orchestrator of containers swaps links. */
  #stamp(): string {
    const { certFile, keyFile, caFile } = this.#options.files;
    return [certFile, keyFile, caFile]
      .map((path) => statSync(path, { throwIfNoEntry: false }))
      .map((found) => (found === undefined ? "none" : `${found.ino}:${found.size}:${found.mtimeMs}`))
      .join(" ");
  }
}
