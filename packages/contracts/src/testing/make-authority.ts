// Certificates for tests: an authority and what it issues, as PEM.
import type { webcrypto } from "node:crypto";

import type { GeneralNameType } from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const dayMs = 86_400_000;

async function loadX509() {
  // The library's dependency injection needs it first.
  await import("reflect-metadata/lite");
  return import("@peculiar/x509");
}

const makeKeys = (): Promise<webcrypto.CryptoKeyPair> => crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);

async function keyPem({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey("pkcs8", privateKey));
  const lines = der.toString("base64").match(/.{1,64}/gu) ?? [];
  return ["-----BEGIN PRIVATE KEY-----", ...lines, "-----END PRIVATE KEY-----", ""].join("\n");
}

export type IssueOptions = {
  /** Host names and `spiffe://` names of the certificate. */
  names: readonly string[];
  /** Days from now, both may lie in the past. */
  validDays?: readonly [from: number, to: number];
};

export type TestAuthority = {
  /** The authority's own certificate. */
  ca: string;
  issue(options: IssueOptions): Promise<{ cert: string; key: string }>;
};

const daysFromNow = (days: number): Date => new Date(Date.now() + days * dayMs);

/** Makes an authority that nobody trusts yet. */
export async function makeAuthority(name: string): Promise<TestAuthority> {
  const x509 = await loadX509();
  const keys = await makeKeys();
  const issuer = `CN=${name}`;
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: issuer,
    notBefore: daysFromNow(-30),
    notAfter: daysFromNow(30),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    ca: `${authority.toString("pem")}\n`,
    async issue({ names, validDays: [from, to] = [-1, 1] }) {
      const own = await makeKeys();
      const type = (value: string): GeneralNameType => (value.startsWith("spiffe:") ? "url" : "dns");
      const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
      const certificate = await x509.X509CertificateGenerator.create({
        subject: "CN=a process of a test",
        issuer,
        notBefore: daysFromNow(from),
        notAfter: daysFromNow(to),
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),
          new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: type(value), value }))),
          await x509.AuthorityKeyIdentifierExtension.create(authority),
        ],
      });
      return { cert: `${certificate.toString("pem")}\n`, key: await keyPem(own) };
    },
  };
}
