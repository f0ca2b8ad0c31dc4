// Who asks. The gateway authenticates a person and mints a short-lived internal token; this
// service believes nothing else, and no header of a request changes who its sender is.
import { AgentError } from "@ossaat/contracts";
import type { Actor, PersonCapability } from "@ossaat/contracts";
import { SignJWT, jwtVerify } from "jose";

export type Identity = { tenantId: string; actor: Actor; capabilities: readonly string[] };

const audience = "orchestrator";
const issuer = "gateway";
const lifetime = "60s";

/** Makes the token a gateway sends along with a request. `key` is shared by both services. */
export async function mintInternalToken(identity: Identity, key: Uint8Array): Promise<string> {
  const { tenantId, actor, capabilities } = identity;
  return new SignJWT({ tenant: tenantId, kind: actor.kind, scope: capabilities.join(" ") })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(actor.id)
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime(lifetime)
    .sign(key);
}

/** @throws AgentError unauthenticated */
export async function readInternalToken(authorization: string | undefined, key: Uint8Array): Promise<Identity> {
  const token = authorization?.startsWith("Bearer ") === true ? authorization.slice("Bearer ".length) : "";
  try {
    const { payload } = await jwtVerify(token, key, { issuer, audience, algorithms: ["HS256"] });
    const { tenant, scope, sub } = payload;
    if (typeof tenant !== "string" || typeof sub !== "string") throw new TypeError("claims are missing");
    const capabilities = typeof scope === "string" ? scope.split(" ") : [];
    return { tenantId: tenant, actor: { kind: "user", id: sub }, capabilities };
  } catch (error) {
    throw new AgentError("unauthenticated", "The request carries no valid internal token.", { cause: error });
  }
}

/** @throws AgentError forbidden */
export function requireCapability(identity: Identity, capability: PersonCapability): void {
  if (identity.capabilities.includes(capability)) return;
  throw new AgentError("forbidden", `This needs the capability ${capability}.`, { details: { capability } });
}
