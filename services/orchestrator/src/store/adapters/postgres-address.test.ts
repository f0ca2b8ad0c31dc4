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
    // With a space in it, the driver would read names otherwise than everybody else does.
    ["?application_name=a b&sslm%6Fde=verify-full", "?application_name=a%20b&sslm%6Fde=verify-full"],
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
      `${base}?sslmode=verify-full&sslmode=disable`,
      "The address of the database names sslmode more than once: write it once.",
    ],
    [`${base}?host=localhost&host=db`, "The address of the database names host more than once: write it once."],
    [
      `${base}?ssl=`,
      'ssl in the address of the database takes true, 1, 0 or no-verify, not "": write sslmode=verify-full or sslmode=disable in its place.',
    ],
    [
      `${base}?ssl=false`,
      'ssl in the address of the database takes true, 1, 0 or no-verify, not "false": write sslmode=verify-full or sslmode=disable in its place.',
    ],
    [`${base}%zz?sslmode=verify-full`, "The address of the database has a % that encodes nothing: write %25 for it."],
    ["postgres://ann@%ff/plans", "The address of the database has a % that encodes nothing: write %25 for it."],
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
