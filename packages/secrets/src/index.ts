// Public names of the sources of secrets.
export { createFileSecrets } from "./file-secrets.ts";
