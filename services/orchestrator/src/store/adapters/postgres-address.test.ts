import { describe, expect, test } from "vitest";

import { driverAddress } from "./postgres-address.ts";

const base = "postgres://ann@127.0.0.1:5432/plans";

describe("the address that the driver gets", () => {
  test.each([
    ["", ""],
    ["?sslmode=disable", "?sslmode=disable"],
    ["?sslmode=no-verify", "?sslmode=no-verify"],
    ["?sslmode=verify-full", "?sslmode=verify-full"],
    // What the driver makes of them anyway, but with a warning.
    ["?sslmode=prefer", "?sslmode=verify-full"],
    ["?sslmode=require&application_name=x", "?sslmode=verify-full&application_name=x"],
    ["?sslmode=verify-ca", "?sslmode=verify-full"],
    ["?uselibpqcompat=true&sslmode=require", "?uselibpqcompat=true&sslmode=require"],
  ])("%s is %s", (given, made) => {
    expect(driverAddress(base + given)).toBe(base + made);
  });

  test.each([
    ["mysql://ann@127.0.0.1/plans", "The address of the database is not valid."],
    ["postgres://ann@127.0.0.1", "The address of the database is not valid."],
    [
      `${base}?sslmode=allow`,
      'sslmode in the address of the database takes disable, no-verify, prefer, require, verify-ca or verify-full, not "allow".',
    ],
    [
      `${base}?uselibpqcompat=true&sslmode=verify-ca`,
      "sslmode=verify-ca with uselibpqcompat=true needs sslrootcert in the address of the database.",
    ],
    [
      `${base}?sslmode=verify-full&sslrootcert=/nowhere/ca.pem`,
      "/nowhere/ca.pem, which the address of the database names as sslrootcert, cannot be read.",
    ],
  ])("%s is refused", (given, message) => {
    expect(() => driverAddress(given)).toThrow(expect.objectContaining({ code: "invalid_input", message }));
  });
});
