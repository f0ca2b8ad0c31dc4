// A caller's demand that its call runs in a sandbox or not at all: a tool runner may have been started
// again without one since it was last asked.
const key = "sandbox";
const required = "required";

/** Metadata of an invocation that makes the demand. */
export function demandSandbox(): Record<string, string> {
  return { [key]: required };
}

export function demandsSandbox(metadata: Readonly<Record<string, string>>): boolean {
  return metadata[key] === required;
}
