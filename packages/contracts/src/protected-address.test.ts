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
])("%s is protected", (address) => {
  expect(isProtectedAddress(address)).toBe(true);
});

test.each([
  "http://example.test",
  "amqp://ann@broker",
  "kafka://localhost,one",
  "kafka://127.0.0.1.example.test",
  "postgres://ann@db/plans",
  "postgres://ann@localhost/plans?host=db",
  "postgres://ann@db/plans?sslmode=disable",
  "postgres://ann@db/plans?sslmode=no-verify",
  "nonsense",
])("%s is not", (address) => {
  expect(isProtectedAddress(address)).toBe(false);
});

test("a database whose address says nothing goes by what holds for all", () => {
  const modes = ["verify-full", "disable", undefined];
  expect(modes.map((mode) => isProtectedAddress("postgres://ann@db/plans", mode))).toEqual([true, false, false]);
  expect(isProtectedAddress("postgres://ann@db/plans?sslmode=disable", "verify-full")).toBe(false);
});
