// What `isProtectedAddress` says of the address of a database is what the driver then does.
import { isLoopback, isProtectedAddress } from "@ossaat/contracts";
import { assert, constantFrom, property, shuffledSubarray, tuple } from "fast-check";
import { Client } from "pg";
import type { PoolConfig } from "pg";
import { afterEach, expect, test, vi } from "vitest";

import { postgresLimits } from "../limits.ts";
import { connectionConfig } from "./postgres-pool.ts";

afterEach(() => void vi.unstubAllEnvs());

function configOf(address: string): PoolConfig | undefined {
  try {
    return connectionConfig(address, postgresLimits);
  } catch (error) {
    expect(error).toMatchObject({ code: "invalid_input" });
    return undefined;
  }
}

function clientOf(config: PoolConfig): { host: string; ssl: unknown } | undefined {
  try {
    return new Client(config);
  } catch {
    // What the driver does not take leads to nobody.
    return undefined;
  }
}

/** Whether the driver, as it stands before it connects, lets nobody read along; undefined = it never connects. */
function isProtectedByDriver(address: string): boolean | undefined {
  const config = configOf(address);
  const client = config === undefined ? undefined : clientOf(config);
  if (client === undefined) return undefined;
  const { host, ssl } = client;
  if (host.startsWith("/") || isLoopback(host)) return true;
  if (typeof ssl !== "object") return ssl === true;
  return (ssl as { rejectUnauthorized?: boolean }).rejectUnauthorized !== false;
}

function compare(address: string, sslMode: string | undefined) {
  vi.stubEnv("PGSSLMODE", sslMode);
  const driver = isProtectedByDriver(address);
  const judged = driver === undefined ? undefined : isProtectedAddress(address, sslMode);
  return { driver, judged };
}

const file = import.meta.filename;
const values = {
  ssl: ["", "0", "1", "true", "false", "no-verify"],
  sslmode: ["", "disable", "no-verify", "prefer", "require", "verify-ca", "verify-full", "allow"],
  uselibpqcompat: ["", "true", "1"],
  sslnegotiation: ["direct", "postgres"],
  sslrootcert: [file],
};
const systemModes = [undefined, "disable", "no-verify", "prefer", "require", "verify-ca", "verify-full", "allow"];

/** Every choice of one value, or none, for each name. */
function everyQuery(): string[] {
  let queries = [""];
  for (const [name, ofName] of Object.entries(values)) {
    const parts = ["", ...ofName.map((value) => `${name}=${value}&`)];
    queries = queries.flatMap((query) => parts.map((part) => query + part));
  }
  return queries;
}

test("whatever an address and the system say of TLS, the driver does as judged", () => {
  const outcomes = new Map<string, number>();
  for (const query of everyQuery()) {
    for (const sslMode of systemModes) {
      const address = `postgres://ann@db/plans?${query}`;
      const { driver, judged } = compare(address, sslMode);
      if (driver !== judged) expect({ address, sslMode, driver, judged }).toBeUndefined();
      outcomes.set(String(driver), (outcomes.get(String(driver)) ?? 0) + 1);
    }
  }
  expect([...outcomes.keys()].toSorted()).toEqual(["false", "true", "undefined"]);
});

const hosts = [
  "db",
  "localhost",
  "127.0.0.1",
  "[::1]",
  "%2Ftmp",
  "%252Ftmp",
  "127.0.0.1.example.test",
  "LOCALHOST",
  "%ff",
];
const spelled = (name: string) => [name, name.replace("o", "%6F"), name.replace("s", "%73"), name.toUpperCase()];
const parameters = [
  ...Object.entries(values).flatMap(([name, ofName]) =>
    ofName.flatMap((value) => spelled(name).map((each) => `${each}=${value}`)),
  ),
  ...["", "db", "localhost", "/tmp", "%2Ftmp", "%252Ftmp", "::1", "%ff"].map((host) => `host=${host}`),
  "application_name=a b",
  "application_name=a%20b",
  "application_name=%",
  "application_name=%zz",
  "x=%2",
];

test("however it is spelled, and in whatever order", () => {
  const addresses = tuple(
    constantFrom("postgres://", "postgresql://", "POSTGRES://", " postgres://"),
    constantFrom(...hosts),
    constantFrom("plans", "my plans", "pl%61ns", "pl%zzans"),
    shuffledSubarray(parameters, { maxLength: 5 }),
  ).map(([scheme, host, name, chosen]) => `${scheme}ann@${host}/${name}?${chosen.join("&")}`);
  assert(
    property(addresses, constantFrom(...systemModes), (address, sslMode) => {
      const { driver, judged } = compare(address, sslMode);
      expect(judged).toBe(driver);
    }),
    { numRuns: 3_000 },
  );
});
