import { describe, expect, test } from "vitest";

import { translatePostgresError } from "./postgres-errors.ts";

const coded = (message: string, code: string) => Object.assign(new Error(message), { code });

describe("errors of a connection with TLS", () => {
  test("a server without it is named", () => {
    expect(translatePostgresError(new Error("The server does not support SSL connections"))).toMatchObject({
      code: "unavailable",
      message: "The database server does not support SSL connections.",
      details: { reason: "no_tls" },
    });
  });

  test.each([
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "ERR_TLS_CERT_ALTNAME_INVALID",
    "CERT_HAS_EXPIRED",
  ])("a certificate that is refused is named: %s", (code) => {
    expect(translatePostgresError(coded("certificate", code))).toMatchObject({
      code: "unavailable",
      message: `The certificate of the database server is refused (${code}).`,
      details: { reason: "certificate_refused" },
    });
  });
});

test("a database that is away is looked for where its address was set, for the client of a deployment as well", () => {
  expect(translatePostgresError(coded("connect", "ECONNREFUSED"))).toMatchObject({
    code: "unavailable",
    details: {
      reason: "connection_lost",
      next: "start it, or look whether `ossaat config explain store`, in a deployment OSSAAT_STORE of its processes, has its address; what waits goes on by itself",
    },
  });
});
