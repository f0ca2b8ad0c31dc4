// The file in which a user keeps secrets for steps: what each is, and to whom it may be shown.
import { AgentError, EgressEntry, SecretName, parseEgressEntry } from "@ossaat/contracts";
import type { BoundSecret } from "@ossaat/contracts";
import { z } from "zod";

/** A host with or without star and port. Methods and paths are the plan's to choose. */
const SecretHost = EgressEntry.refine((entry) => {
  const parsed = parseEgressEntry(entry);
  return !parsed.ok || (parsed.rule.scheme === undefined && parsed.rule.methods.length === 0);
}, "a secret is bound to hosts alone: no scheme, method or path");

/** Fields that decide where a message goes or how it is framed are not a secret's. */
const reserved = /^(?:host|connection|content-length|transfer-encoding|te|trailer|upgrade|expect|proxy-.*|cookie2)$/iu;

const SecretEntry = z
  .strictObject({
    hosts: z.array(SecretHost).min(1).max(16),
    /** The value, or the environment variable that has it. */
    value: z.string().min(1).optional(),
    variable: z.string().min(1).optional(),
    header: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,64}$/u)
      .refine((name) => !reserved.test(name), "this header is not for secrets")
      .default("authorization"),
    /** Text in front of the value. */
    prefix: z.string().max(32).default("Bearer "),
    /** With a user the header is Basic, and the value is the password. */
    user: z.string().min(1).optional(),
  })
  .refine((entry) => (entry.value === undefined) !== (entry.variable === undefined), "give either value or variable");

/** Shape of the file. */
export const SecretFile = z.strictObject({
  schemaVersion: z.literal(1),
  secrets: z.record(SecretName, SecretEntry),
});
export type SecretFile = z.infer<typeof SecretFile>;

function headerValue(entry: z.infer<typeof SecretEntry>, value: string): string {
  if (entry.user === undefined) return `${entry.prefix}${value}`;
  return `Basic ${Buffer.from(`${entry.user}:${value}`).toString("base64")}`;
}

/**
 * One secret of the file, bound to its hosts; undefined when it is not there.
 * @throws AgentError unavailable when its variable is not set or its value cannot be sent in a header
 */
export function bindSecret(
  { secrets }: SecretFile,
  name: string,
  variable: (name: string) => string | undefined,
): BoundSecret | undefined {
  const entry = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
  if (entry === undefined) return undefined;
  const value = entry.value ?? variable(entry.variable ?? "");
  if (value === undefined || value === "") {
    throw new AgentError("unavailable", `The secret ${name} has no value: ${entry.variable} is not set.`, {
      details: {
        next: `\`export ${entry.variable}=…\`, then \`ossaat down\`: the next command starts the server with it. In a deployment the tool runner must have it`,
      },
    });
  }
  const header = headerValue(entry, value);
  if (!/^[\x20-\x7e]+$/u.test(header)) {
    throw new AgentError("unavailable", `The secret ${name} has characters that no header can carry.`, {
      details: { next: "mend its entry in the secrets file, then `ossaat retry`" },
    });
  }
  return { name, hosts: entry.hosts, header: entry.header, reveal: () => header };
}
