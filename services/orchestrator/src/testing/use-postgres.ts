// Set-up of the vitest project `pg`: every engine of its tests stands on PostgreSQL.
import { postgresTestStore } from "./postgres.ts";
import { chooseTestStore } from "./test-store.ts";

chooseTestStore(postgresTestStore);
