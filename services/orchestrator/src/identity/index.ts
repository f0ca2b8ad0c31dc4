// What a gateway in a process of its own needs: the internal tokens, without the rest of the orchestrator.
export { mintInternalToken } from "./identity.ts";
export { readInternalKey } from "./internal-key.ts";
