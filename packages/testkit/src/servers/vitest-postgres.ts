// Starts one PostgreSQL for all tests of a vitest project; each test makes its own database on it.
import type { TestProject } from "vitest/node";

import { startPostgres } from "./start-postgres.ts";

declare module "vitest" {
  // oxlint-disable-next-line typescript/consistent-type-definitions -- merges into vitest's own
  interface ProvidedContext {
    /** Address of the server's database `postgres`. */
    postgresUrl: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres({ commits: "memory" });
  project.provide("postgresUrl", server.url("postgres"));
  return () => server.remove();
}
