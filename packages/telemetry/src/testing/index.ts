// Helpers for tests that scrape.
export { readExposition } from "./read-exposition.ts";
export type { Exposition } from "./read-exposition.ts";
