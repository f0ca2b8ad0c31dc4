// What tests of other packages may use: repositories made on the fly.
export { makeRepository } from "./make-repository.ts";
export type { TestCommit, TestFile, TestRepository } from "./make-repository.ts";
export { shopFiles } from "./shop.ts";
