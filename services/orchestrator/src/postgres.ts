// Public names around the store on PostgreSQL, apart from the others: its driver is loaded only where it is used.
export { inspectPostgresStore } from "./store/adapters/inspect-postgres.ts";
export { migratePostgres, openOwnedPostgresStore } from "./store/adapters/postgres.ts";
