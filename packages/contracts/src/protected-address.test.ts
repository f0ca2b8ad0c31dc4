import { expect, test } from "vitest";

import { isProtectedAddress } from "./protected-address.ts";

test.each([
  "https://example.test",
  "http://127.0.0.1:80",
  "http://localhost",
  "http://[::1]:4318",
  "amqps://ann@broker/jobs",
  "amqp://ann@127.0.0.1:5672",
  "kafkas://one,two",
  "kafka://127.0.0.1:9092",
  "kafka://ann@localhost:9092,127.0.0.2,[::1]:1?namespace=a",
  "postgres://ann@localhost/plans",
  "postgres://ann@db/plans?sslmode=verify-full",
  "postgresql://ann@db/plans?sslmode=require",
  "postgres://ann@%2Fvar%2Frun%2Fpostgresql/plans",
  "postgres://ann@db/plans?host=/var/run/postgresql",
  "postgres://ann@[::1]/plans",
  "postgres://ann@db/plans?ssl=true",
  "postgres://ann@db/plans?sslrootcert=/etc/ca.pem",
  "postgres://ann@db/plans?uselibpqcompat=true&sslmode=verify-full",
  "postgres://ann@db/plans?uselibpqcompat=true&sslmode=verify-ca&sslrootcert=/etc/ca.pem",
  "postgres://ann@db/plans?uselibpqcompat=true&sslmode=require&sslrootcert=/etc/ca.pem",
])("%s is protected", (address) => {
  expect(isProtectedAddress(address)).toBe(true);
});

test.each([
  "http://example.test",
  "http://example.test/?host=localhost",
  "amqp://ann@broker",
  "amqp://ann@broker/jobs?host=localhost",
  "kafka://localhost,one",
  "kafka://127.0.0.1.example.test",
  "postgres://ann@db/plans",
  "postgres://ann@localhost/plans?host=db",
  "postgres://ann@db/plans?sslmode=disable",
  "postgres://ann@db/plans?sslmode=no-verify",
  "postgres://ann@db/plans?ssl=no-verify",
  "postgres://ann@db/plans?ssl=0&sslnegotiation=direct",
  "postgres://ann@db/plans?uselibpqcompat=true&sslmode=require",
  "postgres://ann@db/plans?uselibpqcompat=true&sslmode=prefer&sslrootcert=/etc/ca.pem",
  // The driver takes the last.
  "postgres://ann@db/plans?sslmode=verify-full&sslmode=disable",
  "postgres://ann@db/plans?host=localhost&host=db",
  // No text, so no name of a host.
  "postgres://ann@%ff/plans",
  "nonsense",
])("%s is not", (address) => {
  expect(isProtectedAddress(address)).toBe(false);
});

test("a database whose address says nothing goes by what holds for all", () => {
  const modes = ["verify-full", "disable", undefined];
  expect(modes.map((mode) => isProtectedAddress("postgres://ann@db/plans", mode))).toEqual([true, false, false]);
  for (const said of ["sslmode=disable", "ssl=0", "ssl=", "ssl=no-verify"]) {
    expect(isProtectedAddress(`postgres://ann@db/plans?${said}`, "verify-full")).toBe(false);
  }
});
