// A message as text: how it is written, how it is read, and how long it may be.
import { JobEnvelope, jobLimits } from "@ossaat/contracts";

/** The bytes of a message; undefined when they are more than any queue takes. */
export function writeEnvelope(envelope: JobEnvelope): Buffer | undefined {
  const bytes = Buffer.from(JSON.stringify(envelope));
  return bytes.length > jobLimits.maxEnvelopeBytes ? undefined : bytes;
}

export function isTooLarge(envelope: JobEnvelope): boolean {
  return writeEnvelope(envelope) === undefined;
}

/** @throws Error that says why the text is no message */
export function readEnvelope(text: string): JobEnvelope {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error("undecodable: it is not JSON", { cause: error });
  }
  const parsed = JobEnvelope.safeParse(value);
  if (parsed.success) return parsed.data;
  const fields = new Set(parsed.error.issues.map(({ path }) => path.map(String).join(".") || "the whole"));
  throw new Error(`undecodable: wrong in ${[...fields].join(", ")}`, { cause: parsed.error });
}
