// The certificate authority of one run: it vouches for the proxy towards the box, and nobody
// outside of that one box trusts it. Its key never leaves this process.
import type { webcrypto } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { SecureContext } from "node:tls";

/** Hosts whose certificate is kept; another is made again when it is asked for. */
const maxHosts = 256;

/** Days a certificate holds; a run takes at most an hour, clocks may differ. */
const validDays = 2;
const dayMs = 86_400_000;
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

export type RunAuthority = {
  /** The authority's own certificate, for the box's list of trusted ones. */
  certificate: string;
  /** What the proxy shows for a host. */
  contextFor(host: string): Promise<SecureContext>;
};

async function loadX509() {
  // The library's dependency injection needs it first.
  await import("reflect-metadata/lite");
  return import("@peculiar/x509");
}

async function exportKey({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey("pkcs8", privateKey));
  const lines = der.toString("base64").match(/.{1,64}/gu) ?? [];
  return ["-----BEGIN PRIVATE KEY-----", ...lines, "-----END PRIVATE KEY-----", ""].join("\n");
}

const makeKeys = (): Promise<webcrypto.CryptoKeyPair> => crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);

/** Makes an authority. `now` is in milliseconds. */
export async function createRunAuthority(now: number): Promise<RunAuthority> {
  const x509 = await loadX509();
  const validity = { notBefore: new Date(now - validDays * dayMs), notAfter: new Date(now + validDays * dayMs) };
  const keys = await makeKeys();
  const issuer = "CN=ossaat network filter of one run";
  const usage = x509.KeyUsageFlags;
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: issuer,
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(usage.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const contexts = new Map<string, Promise<SecureContext>>();
  // One key for all hosts: the box may ask for many names, and it trusts the authority for each anyway.
  const own = await makeKeys();
  const key = await exportKey(own);
  const issue = async (host: string): Promise<SecureContext> => {
    const certificate = await x509.X509CertificateGenerator.create({
      ...validity,
      // The subject stays short: a common name has at most 64 characters.
      subject: "CN=ossaat network filter",
      issuer,
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(usage.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([{ type: "dns", value: host }]),
        await x509.AuthorityKeyIdentifierExtension.create(authority),
      ],
    });
    return createSecureContext({
      key,
      cert: `${certificate.toString("pem")}\n`,
      minVersion: "TLSv1.2",
    });
  };
  return {
    certificate: `${authority.toString("pem")}\n`,
    contextFor(host) {
      const known = contexts.get(host) ?? issue(host);
      contexts.delete(host);
      contexts.set(host, known);
      const [oldest] = contexts.keys();
      if (contexts.size > maxHosts && oldest !== undefined) contexts.delete(oldest);
      return known;
    },
  };
}
