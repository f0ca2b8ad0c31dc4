// What a process shows of itself and whom it trusts: three PEM files, read together and checked
// before they are used, so that a bad one is named and never served.
import { X509Certificate, createPrivateKey } from "node:crypto";
import { readFileSync, statSync } from "node:fs";

import { AgentError } from "../agent-error.ts";

export type CertificateFiles = {
  /** Own certificate, then the ones between it and the authority. */
  certFile: string;
  /** Key of the own certificate, readable by its owner alone. */
  keyFile: string;
  /** Certificates of the authorities whose peers are trusted. */
  caFile: string;
};

export type Certificates = { cert: Buffer; key: Buffer; ca: Buffer };

function refuse(message: string, next: string, cause?: unknown): AgentError {
  return new AgentError("invalid_input", message, { details: { next }, cause });
}

function readFile(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw refuse(`The ${what} ${path} cannot be read.`, "Check the path and who may read it.", cause);
  }
}

const block = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/gu;

function parseCertificates(pem: Buffer, path: string): X509Certificate[] {
  try {
    const all = (pem.toString("latin1").match(block) ?? []).map((text) => new X509Certificate(text));
    if (all.length > 0) return all;
  } catch (cause) {
    throw refuse(`${path} holds a certificate that cannot be read.`, "openssl x509 -in FILE -noout -text", cause);
  }
  throw refuse(`${path} holds no certificate.`, "Give certificates in the PEM format.");
}

function checkValidity(certificate: X509Certificate, path: string, now: number): void {
  const from = Date.parse(certificate.validFrom);
  const to = Date.parse(certificate.validTo);
  if (now > to) throw refuse(`The certificate in ${path} expired at ${certificate.validTo}.`, "Issue a new one.");
  if (now < from) {
    throw refuse(`The certificate in ${path} is valid from ${certificate.validFrom} on.`, "Check the clock.");
  }
}

/** A key others can read is no secret any more. */
function checkKeyMode(path: string): void {
  const others = statSync(path, { throwIfNoEntry: false });
  if (others !== undefined && (others.mode & 0o077) !== 0) {
    throw refuse(`The key ${path} can be read by other users.`, `chmod 600 ${path}`);
  }
}

function parseKey(pem: Buffer, path: string) {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw refuse(`${path} holds no key that can be used.`, "Give a PEM key without a passphrase.", cause);
  }
}

/**
 * Reads and checks the files. `now` in milliseconds.
 * @throws AgentError invalid_input that names the file: unreadable, no PEM, expired, a key of
 * another certificate, a key that others can read
 */
export function readCertificates(files: CertificateFiles, now: number): Certificates {
  const cert = readFile(files.certFile, "certificate");
  checkKeyMode(files.keyFile);
  const key = readFile(files.keyFile, "key");
  const ca = readFile(files.caFile, "list of authorities");
  const [own] = parseCertificates(cert, files.certFile);
  if (own === undefined) throw refuse(`${files.certFile} holds no certificate.`, "Give certificates in PEM.");
  checkValidity(own, files.certFile, now);
  if (!own.checkPrivateKey(parseKey(key, files.keyFile))) {
    throw refuse(
      `The key ${files.keyFile} does not belong to ${files.certFile}.`,
      "Give a pair that was made together.",
    );
  }
  const authorities = parseCertificates(ca, files.caFile);
  // An old authority beside its successor is how one is replaced; none that holds is an error.
  if (authorities.every((each) => Date.parse(each.validTo) < now)) {
    throw refuse(`Every authority in ${files.caFile} has expired.`, "Give the authority's new certificate.");
  }
  return { cert, key, ca };
}
