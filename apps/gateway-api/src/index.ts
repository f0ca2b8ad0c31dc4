// Public names of the gateway.
export { createGateway } from "./create-gateway.ts";
export type { GatewayOptions, Person } from "./create-gateway.ts";
export { openApiDocument } from "./open-api.ts";
